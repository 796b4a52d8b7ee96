//! HTTP/1.1 and HTTP/2: from requests to answers, and to WebSockets.

mod encode;
mod final_response;
mod handed_over;
mod head;
mod http1;
mod http2;
mod http2_body;
mod linger;
mod moving;
mod progress;
mod upgrade;

pub(super) use self::head::READ as FIRST_READ;
pub(super) use self::http1::serve_http1;
pub(super) use self::http2::serve_http2;
pub(super) use self::linger::close;
pub(super) use self::moving::{NoTransfer, SocketTransfer, Transfer};
pub(super) use self::upgrade::answer_with_upgrade;
