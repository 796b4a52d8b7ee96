//go:build wasip1

package wshost

import "unsafe"

// The functions of the host, one for each function in wit/, as the component model passes their arguments: strings and
// lists as an address and a length, an option as a flag and a value, and a result that is more than a number through a
// pointer. A mistake here fails the build: `ws-host component` holds each type against the contract.

//go:wasmimport ws-host:socket/clients@0.1.0 send-text
func sendText(to uint64, message utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 send-binary
func sendBinary(to uint64, message string, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 send
func send(to uint64, kind uint32, message string, hasOptions, options uint32, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 broadcast
func broadcast(to unsafe.Pointer, count uint32, kind uint32, message string, hasOptions, options uint32, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 [constructor]send-options
func newSendOptions() uint32

//go:wasmimport ws-host:socket/clients@0.1.0 [resource-drop]send-options
func dropSendOptions(options uint32)

//go:wasmimport ws-host:socket/clients@0.1.0 [method]send-options.set-compression
func setCompression(options uint32, how utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 [method]send-options.set-max-frame
func setMaxFrame(options, hasMax, max uint32, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 [method]send-options.set-except
func setExcept(options uint32, clients unsafe.Pointer, count uint32, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 ping
func ping(to uint64, payload string, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 pong
func pong(to uint64, payload string, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 close
func closeClient(client uint64, code uint32, reason utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 abort
func abort(client uint64) uint32

//go:wasmimport ws-host:socket/clients@0.1.0 connected-clients
func connectedClients(result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 buffered
func buffered(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 attach
func attach(client uint64, attachment string, result unsafe.Pointer)

//go:wasmimport ws-host:socket/clients@0.1.0 attachment
func attachment(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/burst@0.1.0 next-many
func nextOfBurst(result unsafe.Pointer)

//go:wasmimport ws-host:socket/burst@0.1.0 advance
func advanceBurst() uint32

//go:wasmimport ws-host:socket/custom@0.1.0 kind
func customKind(result unsafe.Pointer)

//go:wasmimport ws-host:socket/custom@0.1.0 sender
func customSender(result unsafe.Pointer)

//go:wasmimport ws-host:socket/disconnection@0.1.0 cause
func disconnectionCause(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/disconnection@0.1.0 code
func disconnectionCode(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/disconnection@0.1.0 reason
func disconnectionReason(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/disconnection@0.1.0 clean
func disconnectionClean(client uint64) uint32

//go:wasmimport ws-host:socket/disconnection@0.1.0 sent-code
func disconnectionSentCode(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/expiry@0.1.0 expire
func expire(client, after, notice uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/expiry@0.1.0 keep
func keep(client uint64) uint32

//go:wasmimport ws-host:socket/expiry@0.1.0 remaining
func remaining(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/handshake@0.1.0 choose-subprotocol
func chooseSubprotocol(client uint64, name utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/handshake@0.1.0 add-header
func addHeader(client uint64, name, value utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/handshake@0.1.0 set-status
func setStatus(client uint64, status uint32, result unsafe.Pointer)

//go:wasmimport ws-host:socket/handshake@0.1.0 set-body
func setBody(client uint64, contentType utf8Text, body string, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 resource-name
func requestResourceName(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 path
func requestPath(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 query
func requestQuery(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 parameter
func requestParameter(client uint64, name utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 parameters
func requestParameters(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 header
func requestHeader(client uint64, name utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 headers
func requestHeaders(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 offered-subprotocols
func requestOfferedSubprotocols(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 subprotocol
func requestSubprotocol(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 origin
func requestOrigin(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 protocol-version
func requestProtocolVersion(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 http-version
func requestHTTPVersion(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 client-address
func requestClientAddress(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 peer-address
func requestPeerAddress(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 peer-port
func requestPeerPort(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 local-address
func requestLocalAddress(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 local-port
func requestLocalPort(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 secure
func requestSecure(client uint64) uint32

//go:wasmimport ws-host:socket/requests@0.1.0 server-name
func requestServerName(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 certificate
func requestCertificate(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 certificate-fingerprint
func requestCertificateFingerprint(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 certificate-subject
func requestCertificateSubject(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/requests@0.1.0 certificate-names
func requestCertificateNames(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/log@0.1.0 write
func logWrite(level, message utf8Text)

//go:wasmimport ws-host:socket/log@0.1.0 enabled
func logEnabled(level utf8Text) uint32

//go:wasmimport ws-host:socket/state@0.1.0 reason
func stateReason(result unsafe.Pointer)

//go:wasmimport ws-host:socket/state@0.1.0 age
func stateAge(result unsafe.Pointer)

//go:wasmimport ws-host:socket/tags@0.1.0 tag
func addTag(client uint64, tag utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/tags@0.1.0 untag
func removeTag(client uint64, tag utf8Text) uint32

//go:wasmimport ws-host:socket/tags@0.1.0 tags-of
func tagsOf(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/tags@0.1.0 clients-of
func clientsOf(tag utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/tags@0.1.0 send-tagged
func sendTagged(tag utf8Text, kind uint32, message string, hasOptions, options uint32, result unsafe.Pointer)

//go:wasmimport ws-host:socket/tags@0.1.0 close-tagged
func closeTagged(tag utf8Text, code uint32, reason utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/timers@0.1.0 set
func setTimer(timer, after uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/timers@0.1.0 set-durable
func setDurableTimer(timer, after uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/timers@0.1.0 cancel
func cancelTimer(timer uint64) uint32

//go:wasmimport ws-host:socket/topics@0.1.0 subscribe
func subscribe(client uint64, topic utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/topics@0.1.0 unsubscribe
func unsubscribe(client uint64, topic utf8Text) uint32

//go:wasmimport ws-host:socket/topics@0.1.0 unsubscribe-all
func unsubscribeAll(client uint64) uint32

//go:wasmimport ws-host:socket/topics@0.1.0 topics-of
func topicsOf(client uint64, result unsafe.Pointer)

//go:wasmimport ws-host:socket/topics@0.1.0 subscribers
func subscribers(topic utf8Text) uint32

//go:wasmimport ws-host:socket/topics@0.1.0 publish
func publish(topic utf8Text, kind uint32, message string, hasOptions, options uint32, result unsafe.Pointer)

//go:wasmimport ws-host:socket/outgoing@0.1.0 [constructor]connect-options
func newConnectOptions() uint32

//go:wasmimport ws-host:socket/outgoing@0.1.0 [resource-drop]connect-options
func dropConnectOptions(options uint32)

//go:wasmimport ws-host:socket/outgoing@0.1.0 [method]connect-options.add-subprotocol
func addSubprotocol(options uint32, name utf8Text, result unsafe.Pointer)

//go:wasmimport ws-host:socket/outgoing@0.1.0 [method]connect-options.add-header
func addConnectHeader(options uint32, name utf8Text, value string, result unsafe.Pointer)

//go:wasmimport ws-host:socket/outgoing@0.1.0 connect
func connectTo(url utf8Text, hasOptions, options uint32, result unsafe.Pointer)

//go:wasmimport ws-host:socket/outgoing@0.1.0 connections
func outgoingConnections(result unsafe.Pointer)

//go:wasmimport ws-host:socket/outgoing@0.1.0 url
func outgoingURL(connection uint64, result unsafe.Pointer)

//go:wasmimport wasi:config/store@0.2.0-rc.1 get
func configGet(key utf8Text, result unsafe.Pointer)

//go:wasmimport wasi:config/store@0.2.0-rc.1 get-all
func configGetAll(result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/store@0.2.0-draft2 open
func openBucket(name utf8Text, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/store@0.2.0-draft2 [resource-drop]bucket
func dropBucket(bucket uint32)

//go:wasmimport wasi:keyvalue/store@0.2.0-draft2 [method]bucket.get
func bucketGet(bucket uint32, key utf8Text, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/store@0.2.0-draft2 [method]bucket.set
func bucketSet(bucket uint32, key utf8Text, value string, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/store@0.2.0-draft2 [method]bucket.delete
func bucketDelete(bucket uint32, key utf8Text, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/store@0.2.0-draft2 [method]bucket.exists
func bucketExists(bucket uint32, key utf8Text, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/atomics@0.2.0-draft2 [static]cas.new
func casNew(bucket uint32, key utf8Text, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/atomics@0.2.0-draft2 [method]cas.current
func casCurrent(cas uint32, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/atomics@0.2.0-draft2 [resource-drop]cas
func dropCas(cas uint32)

//go:wasmimport wasi:keyvalue/atomics@0.2.0-draft2 swap
func casSwap(cas uint32, value string, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/batch@0.2.0-draft2 get-many
func bucketGetMany(bucket uint32, keys unsafe.Pointer, count uint32, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/batch@0.2.0-draft2 set-many
func bucketSetMany(bucket uint32, pairs unsafe.Pointer, count uint32, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/batch@0.2.0-draft2 delete-many
func bucketDeleteMany(bucket uint32, keys unsafe.Pointer, count uint32, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/store@0.2.0-draft2 [method]bucket.list-keys
func bucketListKeys(bucket, hasCursor uint32, cursor utf8Text, result unsafe.Pointer)

//go:wasmimport wasi:keyvalue/atomics@0.2.0-draft2 increment
func bucketIncrement(bucket uint32, key utf8Text, by int64, result unsafe.Pointer)
