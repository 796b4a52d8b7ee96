//! HTTP/1.1 and HTTP/2: from requests to answers, and to WebSockets.

mod bounded;
mod handed_over;
mod head;
mod last;
mod linger;
mod many;
mod moving;
mod one;
mod progress;
mod upgraded;
mod wire;

pub(super) use self::head::READ as FIRST_READ;
pub(super) use self::linger::close;
pub(super) use self::many::serve_many;
pub(super) use self::moving::{AsItIs, Moving, Registered};
pub(super) use self::one::serve_one;
pub(super) use self::upgraded::answer;
