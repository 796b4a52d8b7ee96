//! Integration tests: each runs the real binary on a free port and talks to it over TCP. All are in one test binary,
//! with one module per capability.

mod access_log; // the access log, JSON lines, ids of connections
mod admin;
mod admin_api; // access to the admin address
mod admin_token; // a new token without a restart
mod agreement; // the `TestHost` of the SDK and the host
mod authority; // helper: certificates
mod backpressure; // clients that do not read
mod book; // the pages of `docs` are followed as a reader would
mod bridged; // WebSockets that handlers open
mod buffered; // the limit on all queued output together
mod bursts; // several messages in one call
mod causes; // the logged cause of each disconnection
mod certificates; // client certificates as handlers see them
mod checked; // `ws-host check`
mod checkpoints; // state that outlives a trap
mod clients; // clients in other languages, and a browser
mod closing; // closing handshakes
mod cluster; // topics over several hosts
mod cluster_bounds; // what does not reach other hosts, and refused brokers
mod cluster_faults; // hosts, links and brokers that fail
mod collector; // helper: collectors of traces
mod commands; // what handlers can do: broadcast, ping, ask
mod compatibility; // prebuilt components
mod compiling; // compiling in a process with limits, and the cache
mod compression; // with clients that offer it
mod compression_errors; // invalid compressed messages
mod configuration; // several resources, from a file
mod configured; // helper: a configuration file and its server
mod connect; // `ws-host connect`
mod core_modules; // `ws-host component`
mod counted; // counters are exact, and clients make no new ones
mod deflated; // helper: compression on the client's side
mod denied; // system access that handlers do not get
mod developing; // `ws-host dev`
mod development; // what clients and the log see of errors
mod documentation; // the documentation matches the code
mod documented; // listings that the book does not follow
mod drafts; // clients from before RFC 6455
mod drained; // handlers that continue once there is room
mod durable_timers;
mod embedding; // handlers in another program
mod encrypted; // helper: TLS on the client's side
mod every_function; // clients that are not there, texts of any length
mod expiry; // clients that expire
mod fairness; // busy clients must not delay others
mod faults; // handlers that trap, loop, hoard memory or fail
mod fetching; // HTTP requests of handlers
mod fields; // headers as handlers see them
mod granted; // capabilities that the configuration grants
mod guests; // every guest is used
mod half_closed; // clients that shut down writing
mod handover; // what new code takes over in a reload
mod handshake; // opening handshakes
mod hibernation; // idle instances are freed
mod hosts; // helper: hosts of a cluster
mod http2; // many WebSockets on one connection
mod http2_floods; // floods of HTTP/2 frames
mod http2_room; // limits on streams per connection
mod idle; // idle connections
mod installed; // completions, man pages, and `ws-host health`
mod keeper; // helper: versions of a guest, for reloads
mod kept_open; // HTTP/1.1 keep-alive
mod kubernetes; // manifests in examples/operating
mod last_words; // what the log says about a fault
mod layouts; // helper: ways to replace files
mod ledger; // keys, values and configuration with the SDK for Rust
mod left_over; // clients leave nothing behind
mod levels; // lines of handlers with levels, and JSON
mod limits; // what happens at limits
mod listening; // addresses, unix sockets and inherited sockets
mod live_page; // the page of the admin address, in a browser
mod loading; // components and flags that cannot be served
mod log; // output of guests, levels and rate limits
mod memory; // what counts as an instance's memory
mod messages; // framing as clients see it
mod metrics; // what the host counts
mod mistakes; // errors that handlers get by name
mod notified; // `sd_notify`, and sockets that a service manager passes by name
mod numbered; // helper: publishers that number their messages
mod operating; // the main thread never waits for guests
mod origins; // allowed origins, and trusted proxies
mod outside; // messages from the admin address
mod packed; // idle instances give memory back
mod permits; // clients that hold permits and do nothing
mod piped; // `ws-host connect` in pipelines
mod projects; // `ws-host new`
mod prometheus; // helper: Prometheus and its tool
mod protocol_errors; // arbitrary bytes on the socket
mod proxied; // the PROXY protocol
mod proxy; // `ws-host connect` through an HTTP proxy
mod random; // helper: random numbers from a seed
mod reasons; // the reasons for `suspend` and `resume`
mod reload; // new code while clients are connected
mod replaced; // files that are replaced repeatedly
mod responses; // HTTP/1.1 responses, byte for byte
mod room_for_instances; // `max-instances`
mod scraped; // alert rules and a board, by Prometheus
mod scripts; // `ws-host test`
mod sdk_files; // the SDK files of the templates and the contract
mod sending; // messages of handlers as frames
mod shared_data; // memory that instances of a component share
mod sharing; // which clients share an instance
mod shutdown; // signals and graceful shutdown
mod sleeping; // handlers that wait
mod slow; // clients that read slowly
mod soak; // everything at once
mod spread; // the closes of a server that stops
mod static_files; // static files beside WebSockets
mod stopping; // handlers that send a last message
mod stored; // keys and values of handlers
mod streams; // helper: a raw HTTP/2 client
mod successor; // restarts by SIGUSR2
mod tags; // addressing clients by tag
mod timers; // events that the host delivers later
mod tls; // TLS connections
mod top; // `ws-host top`
mod topics; // messages to subscribers
mod traces; // spans of handshakes and events
mod trials; // trials, canaries and rollbacks
mod unread; // a log that nobody reads
mod upstream; // helper: an HTTP server
