//! HTTP/1.1 and HTTP/2: requests, responses, and the upgrade to WebSocket.

mod encode;
mod final_response;
mod head;
mod http1;
mod http2;
mod http2_body;
mod linger;
mod progress;
mod upgrade;

pub(super) use self::head::READ_SIZE as FIRST_READ;
pub(super) use self::http1::{RELAYED_BYTES, serve_http1};
pub(super) use self::http2::serve_http2;
pub(super) use self::linger::close;
pub(super) use self::upgrade::respond_with_upgrade;
