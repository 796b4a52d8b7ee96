;; A handler from before the first release of the contract, when errors were an enum and the properties of a client a
;; record.
(component
  (import "ws-host:socket/types@0.1.0" (instance $types
    (type $errors (enum "closed" "full" "too-long" "unsupported"))
    (export "send-error" (type (eq $errors)))))
  (alias export $types "send-error" (type $error))
  (import "ws-host:socket/clients@0.1.0" (instance
    (alias outer 1 $error (type $error))
    (export "send-error" (type $sent (eq $error)))
    (export "send-text" (func (param "to" u64) (param "message" string) (result (result (error $sent)))))))
  (instance $handler)
  (export "ws-host:socket/handler@0.1.0" (instance $handler)))
