//! The bindings of `ws-guest`, generated from `wit/`: the imports that every handler may use, each capability of WASI,
//! and each optional export in a module of its own, so that a handler can export any of them. Use them through
//! `ws-guest`.
pub mod burst;
pub mod config;
pub mod custom;
pub mod drained;
pub mod expiry;
pub mod handler;
pub mod imports;
pub mod keyvalue;
pub mod lifecycle;
pub mod stop;
pub mod timers;
