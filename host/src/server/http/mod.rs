//! HTTP/1.1 and HTTP/2: from requests to answers, and to WebSockets.

mod challenge;
mod handed_over;
mod many;
mod moving;
mod one;
mod upgraded;

pub(super) use self::challenge::Challenge;
pub(super) use self::many::serve_many;
pub(super) use self::moving::{AsItIs, Moving, Registered};
pub(super) use self::one::serve_one;
pub(super) use self::upgraded::answer;
