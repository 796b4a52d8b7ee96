//! The optional interfaces that a handler exports, by their names in `export!`.

use crate::{
    Client, CustomMessages, Drained, Expiry, Handler, Lifecycle, Stop, Timer, Timers, dispatch,
};

/// A handler that is exported.
pub trait Exported: Handler {
    /// The functions of the handler's optional interfaces.
    const PARTS: Parts<Self>;
}

type Suspend<H> = fn(&mut H) -> Option<Vec<u8>>;
type Resume<H> = fn(&mut H, Option<Vec<u8>>) -> Result<(), String>;
type ReceivedCustom<H> = fn(&mut H, Vec<u8>) -> Result<Vec<u8>, String>;

/// The functions of the optional interfaces that a handler exports. Tests call them.
#[derive(Debug)]
#[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "only tests call these functions"))]
pub struct Parts<H> {
    pub(crate) suspend: Option<Suspend<H>>,
    pub(crate) resume: Option<Resume<H>>,
    pub(crate) fired: Option<fn(&mut H, Timer)>,
    pub(crate) received_custom: Option<ReceivedCustom<H>>,
    pub(crate) drained: Option<fn(&mut H, Client)>,
    pub(crate) expiring: Option<fn(&mut H, Client)>,
    pub(crate) stopping: Option<fn(&mut H)>,
}

impl<H: Handler> Parts<H> {
    /// No optional interface.
    pub const NONE: Self = Self {
        suspend: None,
        resume: None,
        fired: None,
        received_custom: None,
        drained: None,
        expiring: None,
        stopping: None,
    };
}

/// Defines the method that adds an interface.
macro_rules! part {
    ($part:ident: $name:ident { $($field:ident = $function:expr),+ }) => {
        impl<H: $part> Parts<H> {
            #[doc = concat!("Adds [`", stringify!($part), "`].")]
            #[must_use]
            pub const fn $name(self) -> Self {
                Self { $($field: Some($function),)+ ..self }
            }
        }
    };
}

part!(Lifecycle: lifecycle { suspend = H::suspend, resume = dispatch::resume::<H> });
part!(Timers: timers { fired = dispatch::fired::<H> });
part!(CustomMessages: custom_messages { received_custom = dispatch::received_custom::<H> });
part!(Drained: drained { drained = dispatch::drained::<H> });
part!(Expiry: expiry { expiring = dispatch::expiring::<H> });
part!(Stop: stop { stopping = dispatch::stopping::<H> });
