//go:build !wasip1

package wshost

import "unsafe"

// Outside ws-host, the functions of the host do not exist. With these, editors and `go test` understand the package.

func unavailable() uint32 { panic("wshost: this function works only in a handler that ws-host runs") }

func sendText(to uint64, message utf8Text, result unsafe.Pointer)   { unavailable() }
func sendBinary(to uint64, message string, result unsafe.Pointer) { unavailable() }
func send(to uint64, kind uint32, message string, hasOptions, options uint32, result unsafe.Pointer) {
	unavailable()
}
func broadcast(to unsafe.Pointer, count uint32, kind uint32, message string, hasOptions, options uint32, result unsafe.Pointer) {
	unavailable()
}
func newSendOptions() uint32                                           { return unavailable() }
func dropSendOptions(options uint32)                                   { unavailable() }
func setCompression(options uint32, how utf8Text, result unsafe.Pointer) { unavailable() }
func setMaxFrame(options, hasMax, max uint32, result unsafe.Pointer)   { unavailable() }
func setExcept(options uint32, clients unsafe.Pointer, count uint32, result unsafe.Pointer) {
	unavailable()
}
func ping(to uint64, payload string, result unsafe.Pointer)                        { unavailable() }
func pong(to uint64, payload string, result unsafe.Pointer)                        { unavailable() }
func closeClient(client uint64, code uint32, reason utf8Text, result unsafe.Pointer) { unavailable() }
func abort(client uint64) uint32                                                   { return unavailable() }
func connectedClients(result unsafe.Pointer)                                       { unavailable() }
func buffered(client uint64, result unsafe.Pointer)                                { unavailable() }
func attach(client uint64, attachment string, result unsafe.Pointer)               { unavailable() }
func attachment(client uint64, result unsafe.Pointer)                              { unavailable() }
func nextOfBurst(result unsafe.Pointer)                                            { unavailable() }
func advanceBurst() uint32                                                         { return unavailable() }
func customKind(result unsafe.Pointer)                                             { unavailable() }
func customSender(result unsafe.Pointer)                                           { unavailable() }
func disconnectionCause(client uint64, result unsafe.Pointer)                      { unavailable() }
func disconnectionCode(client uint64, result unsafe.Pointer)                       { unavailable() }
func disconnectionReason(client uint64, result unsafe.Pointer)                     { unavailable() }
func disconnectionClean(client uint64) uint32                                      { return unavailable() }
func disconnectionSentCode(client uint64, result unsafe.Pointer)                   { unavailable() }
func expire(client, after, notice uint64, result unsafe.Pointer)                   { unavailable() }
func keep(client uint64) uint32                                                    { return unavailable() }
func remaining(client uint64, result unsafe.Pointer)                               { unavailable() }
func chooseSubprotocol(client uint64, name utf8Text, result unsafe.Pointer)          { unavailable() }
func addHeader(client uint64, name, value utf8Text, result unsafe.Pointer)           { unavailable() }
func setStatus(client uint64, status uint32, result unsafe.Pointer)                { unavailable() }
func setBody(client uint64, contentType utf8Text, body string, result unsafe.Pointer)       { unavailable() }
func requestResourceName(client uint64, result unsafe.Pointer)                     { unavailable() }
func requestPath(client uint64, result unsafe.Pointer)                             { unavailable() }
func requestQuery(client uint64, result unsafe.Pointer)                            { unavailable() }
func requestParameter(client uint64, name utf8Text, result unsafe.Pointer)           { unavailable() }
func requestParameters(client uint64, result unsafe.Pointer)                       { unavailable() }
func requestHeader(client uint64, name utf8Text, result unsafe.Pointer)              { unavailable() }
func requestHeaders(client uint64, result unsafe.Pointer)                          { unavailable() }
func requestOfferedSubprotocols(client uint64, result unsafe.Pointer)              { unavailable() }
func requestSubprotocol(client uint64, result unsafe.Pointer)                      { unavailable() }
func requestOrigin(client uint64, result unsafe.Pointer)                           { unavailable() }
func requestProtocolVersion(client uint64, result unsafe.Pointer)                  { unavailable() }
func requestHTTPVersion(client uint64, result unsafe.Pointer)                      { unavailable() }
func requestClientAddress(client uint64, result unsafe.Pointer)                    { unavailable() }
func requestPeerAddress(client uint64, result unsafe.Pointer)                      { unavailable() }
func requestPeerPort(client uint64, result unsafe.Pointer)                         { unavailable() }
func requestLocalAddress(client uint64, result unsafe.Pointer)                     { unavailable() }
func requestLocalPort(client uint64, result unsafe.Pointer)                        { unavailable() }
func requestSecure(client uint64) uint32                                           { return unavailable() }
func requestServerName(client uint64, result unsafe.Pointer)                       { unavailable() }
func requestCertificate(client uint64, result unsafe.Pointer)                      { unavailable() }
func requestCertificateFingerprint(client uint64, result unsafe.Pointer)           { unavailable() }
func requestCertificateSubject(client uint64, result unsafe.Pointer)               { unavailable() }
func requestCertificateNames(client uint64, result unsafe.Pointer)                 { unavailable() }
func logWrite(level, message utf8Text)                                               { unavailable() }
func logEnabled(level utf8Text) uint32                                               { return unavailable() }
func stateReason(result unsafe.Pointer)                                            { unavailable() }
func stateAge(result unsafe.Pointer)                                               { unavailable() }
func addTag(client uint64, tag utf8Text, result unsafe.Pointer)                      { unavailable() }
func removeTag(client uint64, tag utf8Text) uint32                                   { return unavailable() }
func tagsOf(client uint64, result unsafe.Pointer)                                  { unavailable() }
func clientsOf(tag utf8Text, result unsafe.Pointer)                                  { unavailable() }
func sendTagged(tag utf8Text, kind uint32, message string, hasOptions, options uint32, result unsafe.Pointer) {
	unavailable()
}
func closeTagged(tag utf8Text, code uint32, reason utf8Text, result unsafe.Pointer) { unavailable() }
func setTimer(timer, after uint64, result unsafe.Pointer)                       { unavailable() }
func setDurableTimer(timer, after uint64, result unsafe.Pointer)                { unavailable() }
func cancelTimer(timer uint64) uint32                                           { return unavailable() }
func subscribe(client uint64, topic utf8Text, result unsafe.Pointer)              { unavailable() }
func unsubscribe(client uint64, topic utf8Text) uint32                            { return unavailable() }
func unsubscribeAll(client uint64) uint32                                       { return unavailable() }
func topicsOf(client uint64, result unsafe.Pointer)                             { unavailable() }
func subscribers(topic utf8Text) uint32                                           { return unavailable() }
func publish(topic utf8Text, kind uint32, message string, hasOptions, options uint32, result unsafe.Pointer) {
	unavailable()
}
func newConnectOptions() uint32                                                     { return unavailable() }
func dropConnectOptions(options uint32)                                             { unavailable() }
func addSubprotocol(options uint32, name utf8Text, result unsafe.Pointer)             { unavailable() }
func addConnectHeader(options uint32, name utf8Text, value string, result unsafe.Pointer)    { unavailable() }
func connectTo(url utf8Text, hasOptions, options uint32, result unsafe.Pointer)       { unavailable() }
func outgoingConnections(result unsafe.Pointer)                                     { unavailable() }
func outgoingURL(connection uint64, result unsafe.Pointer)                          { unavailable() }
func configGet(key utf8Text, result unsafe.Pointer)                                   { unavailable() }
func configGetAll(result unsafe.Pointer)                                            { unavailable() }
func openBucket(name utf8Text, result unsafe.Pointer)                                 { unavailable() }
func dropBucket(bucket uint32)                                                      { unavailable() }
func bucketGet(bucket uint32, key utf8Text, result unsafe.Pointer)                    { unavailable() }
func bucketSet(bucket uint32, key utf8Text, value string, result unsafe.Pointer)             { unavailable() }
func bucketDelete(bucket uint32, key utf8Text, result unsafe.Pointer)                 { unavailable() }
func bucketExists(bucket uint32, key utf8Text, result unsafe.Pointer)                 { unavailable() }
func bucketListKeys(bucket, hasCursor uint32, cursor utf8Text, result unsafe.Pointer) { unavailable() }
func bucketIncrement(bucket uint32, key utf8Text, by int64, result unsafe.Pointer)    { unavailable() }
func casNew(bucket uint32, key utf8Text, result unsafe.Pointer)                       { unavailable() }
func casCurrent(cas uint32, result unsafe.Pointer)                                  { unavailable() }
func dropCas(cas uint32)                                                            { unavailable() }
func casSwap(cas uint32, value string, result unsafe.Pointer)                       { unavailable() }

func bucketGetMany(bucket uint32, keys unsafe.Pointer, count uint32, result unsafe.Pointer) {
	unavailable()
}

func bucketSetMany(bucket uint32, pairs unsafe.Pointer, count uint32, result unsafe.Pointer) {
	unavailable()
}

func bucketDeleteMany(bucket uint32, keys unsafe.Pointer, count uint32, result unsafe.Pointer) {
	unavailable()
}
