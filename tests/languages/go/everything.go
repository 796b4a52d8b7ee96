package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"example/faults/wshost"
)

// everything calls each function of the SDK, and sends what they return. The other languages send the same lines.
func everything(client wshost.Client) {
	say := func(format string, values ...any) { _ = client.SendText(fmt.Sprintf(format, values...)) }
	r := client.Request()
	header, _ := r.Header("X-Test")
	_, isThere := r.Header("x-missing")
	say("request: %s %s %s %q %s %v %v", r.ResourceName(), r.Path(), r.Query(), r.QueryValues().Get("name"), header,
		isThere, r.QueryValues().Has("none"))
	value := ""
	for _, h := range r.Headers() {
		if h.Name == "x-bytes" {
			value = fmt.Sprintf("%x", h.Value)
		}
	}
	parameters := ""
	for _, p := range r.Parameters() {
		parameters += p[0] + "=" + p[1] + ";"
	}
	id, _ := r.Parameter("id")
	say("lists: %s %s %s %s", value, parameters, id, strings.Join(r.OfferedSubprotocols(), ","))
	say("connection: [%s] [%s] %d %s %s %s %v %v %v [%s]", r.Subprotocol(), r.Origin(), r.ProtocolVersion(),
		r.HTTPVersion(), r.ClientAddress(), r.LocalAddress(), r.PeerAddress() == "127.0.0.1", r.PeerPort() > 0,
		r.LocalPort() > 0, r.ServerName())
	say("certificate: %v %v [%s] [%s] %d", r.Secure(), r.Certificate() != nil, r.CertificateFingerprint(),
		r.CertificateSubject(), len(r.CertificateNames()))

	wshost.Log("warn", "from everything")
	say("log: %v %v %s", wshost.LogEnabled("info"), wshost.LogEnabled("trace"), os.Getenv("GREETING"))

	before := client.Attachment() != nil
	_ = client.Attach([]byte("a\x00b"))
	say("attachment: %v %d %v", before, len(client.Attachment()), client.Attach(make([]byte, 20_000)))

	_ = client.Tag("b")
	_ = client.Tag("a")
	say("tags: %s %d %v %v %v", strings.Join(client.Tags(), ","), len(wshost.Tagged("a")), client.Untag("a"),
		client.Untag("a"), client.Tag(""))
	_ = wshost.SendTagged("b", wshost.Text("tagged"), wshost.SendOptions{})
	say("closed tagged: %v %v", wshost.CloseTagged("nobody", 1000, ""), wshost.CloseTagged("b", 1, ""))

	_ = client.Subscribe("news")
	_ = client.Subscribe("more")
	say("topics: %s %d %v %v %d", strings.Join(client.Topics(), ","), wshost.Subscribers("news"),
		client.Unsubscribe("more"), client.Unsubscribe("more"), wshost.Subscribers("more"))
	_ = wshost.Publish("news", wshost.Binary([]byte("published")), wshost.SendOptions{MaxFrame: 4})
	_ = wshost.Publish("news", wshost.Text("not for you"), wshost.SendOptions{Except: []wshost.Client{client}})
	say("left: %d", client.UnsubscribeAll())

	say("options: %v", client.Send(wshost.Text("x"), wshost.SendOptions{Compression: "sometimes"}))
	_ = client.Send(wshost.Binary([]byte("sent")), wshost.SendOptions{Compression: "never"})
	missed := wshost.Broadcast([]wshost.Client{client, client + 1_000_000}, wshost.Text("to many"), wshost.SendOptions{})
	say("missed: %d %v", len(missed), missed[0] == client+1_000_000)
	_, isOpen := client.Buffered()
	_, isGone := (client + 1_000_000).Buffered()
	say("buffered: %v %v %d", isOpen, isGone, len(wshost.Clients()))
	say("pings: %v %v %v", client.Ping(make([]byte, 126)), client.Pong([]byte("p")), client.Ping([]byte("p")))

	_, expires := client.Remaining()
	_ = client.Expire(time.Hour, time.Minute)
	left, _ := client.Remaining()
	say("expiry: %v %v %v %v", expires, left > 59*time.Minute && left <= time.Hour, client.Keep(), client.Keep())
	say("timers: %v %v %v", wshost.SetTimer(9, time.Hour), wshost.CancelTimer(9), wshost.CancelTimer(9))
	_, hasAge := wshost.StateAge()
	say("elsewhere: [%s] %v [%s] [%s] [%s] %d", wshost.StateReason(), hasAge, wshost.CustomMessage{}.Kind(),
		wshost.CustomMessage{}.Sender(), wshost.Disconnection{}.Cause(), wshost.Disconnection{}.Code())
	say("too late: %v", wshost.Handshake{}.AddHeader("x", "y"))
	say("not closed: %v %v", client.Close(1, ""), client.Close(1000, strings.Repeat("x", 124)))
	say("gone: %v %v", (client + 1_000_000).Abort(), (client+1_000_000).Close(1000, ""))
}
