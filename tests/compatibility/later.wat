;; A handler for a later release of the contract. It imports a function and an interface, and exports an interface, that
;; the current release does not have.
(component
  (import "ws-host:socket/clients@0.1.0" (instance $clients
    (export "grown" (func (param "client" u64) (result u64)))))
  (import "ws-host:socket/weather@0.1.0" (instance $weather
    (export "is-sunny" (func (result bool)))))
  (core func $grown (canon lower (func $clients "grown")))
  (core func $is-sunny (canon lower (func $weather "is-sunny")))
  (core module $handler
    (import "later" "grown" (func $grown (param i64) (result i64)))
    (import "later" "is-sunny" (func $is-sunny (result i32)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
    (func (export "connected") (param i64) (result i32)
      (i32.and (call $is-sunny) (i64.eq (call $grown (local.get 0)) (local.get 0))))
    (func (export "received") (param i64 i32 i32))
    (func (export "disconnected") (param i64))
    (func (export "storm")))
  (core instance $later (export "grown" (func $grown)) (export "is-sunny" (func $is-sunny)))
  (core instance $core (instantiate $handler (with "later" (instance $later))))
  (func $connected (param "client" u64) (result bool) (canon lift (core func $core "connected")))
  (func $text (param "client" u64) (param "message" string)
    (canon lift (core func $core "received") (memory (core memory $core "memory")) (realloc (core func $core "realloc"))))
  (func $bytes (param "client" u64) (param "message" (list u8))
    (canon lift (core func $core "received") (memory (core memory $core "memory")) (realloc (core func $core "realloc"))))
  (func $disconnected (param "client" u64) (canon lift (core func $core "disconnected")))
  (func $storm (canon lift (core func $core "storm")))
  (instance $exported
    (export "connected" (func $connected))
    (export "received-text" (func $text))
    (export "received-binary" (func $bytes))
    (export "received-pong" (func $bytes))
    (export "disconnected" (func $disconnected)))
  (export "ws-host:socket/handler@0.1.0" (instance $exported))
  (instance $listener (export "storm" (func $storm)))
  (export "ws-host:socket/storm-listener@0.1.0" (instance $listener)))
