//! Every test here runs the real binary on a free port and talks to it over TCP. One binary, a module
//! for each capability.

mod admin; // who is answered at the admin address
mod answers; // HTTP/1.1 to the byte
mod backpressure; // what happens when somebody does not read
mod buffered; // what waits for all clients together
mod bursts; // many messages in one call
mod causes; // what ended a connection
mod certificates;
mod checkpoints; // state that outlives a trap
mod clients; // clients of other languages, and a browser
mod closing; // who closes with what, and what the other side hears
mod commands; // what handlers can do: broadcast, ping, ask
mod compatibility; // components that were built once
mod compression; // with clients that offer it
mod compression_errors; // octets that are no compressed messages
mod configuration; // many resources, from a file
mod configured; // a configuration file and its server
mod connect; // the client for the terminal
mod deflated; // compression as a client does it
mod denied; // what handlers ask of the system and are not granted
mod development; // errors of handlers, and who is told
mod documentation; // what the README says
mod drafts; // clients from before the RFC
mod drained; // handlers that go on when there is room
mod embedding; // handlers in a program of somebody else
mod encrypted; // TLS as a client does it
mod expiry; // clients that must prove themselves again
mod fairness;
mod faults; // handlers that trap, loop, hoard, fail
mod fields; // headers that handlers are told
mod guests; // that every guest is used
mod half_closed; // clients that close their own side alone
mod handshake; // refused and accepted openings
mod hibernation; // instances that are freed while nothing happens
mod http2; // many WebSockets on one connection
mod http2_room; // as many on one connection as there may be
mod idle; // silence
mod keeper; // versions of a guest, for reloads
mod kept_open; // more than one request on a connection
mod layouts; // ways in which files are replaced
mod left_over; // what stays of clients that have gone
mod limits; // numbers and what happens there
mod listening; // addresses, files and passed sockets
mod loading; // components and flags that cannot be served
mod log; // what guests print
mod memory; // what counts as memory of an instance
mod messages; // framing as clients see it
mod mistakes; // errors that handlers get by name
mod operating; // what must not wait for guests
mod origins; // pages that may connect, and proxies
mod outside; // messages that come from no client
mod piped; // the client for the terminal, in pipes
mod places; // what is kept from others by who does not ask, read or leave
mod protocol_errors; // any octets on the socket
mod proxied; // the PROXY protocol
mod proxy; // an HTTP proxy between the client for the terminal and its server
mod reasons; // why a state is asked for or given
mod reload; // new code while clients are connected
mod replaced; // files that are replaced again and again
mod room_for_instances; // as many instances as there may be
mod sending; // frames that handlers ask for
mod sharing; // which clients share an instance, and what they can do to others
mod shutdown; // signals
mod sleeping; // handlers that wait
mod slow; // clients that read slowly
mod soak; // everything at once
mod static_files; // ordinary HTTP
mod stopping; // handlers that say goodbye
mod streams; // HTTP/2 as frames on the wire
mod tags; // clients by what they are
mod timers; // events that the host delivers later
mod tls; // encrypted connections
mod topics; // messages to whoever subscribed
mod trials; // new code that may have to go again
mod unread; // a log that nobody reads
