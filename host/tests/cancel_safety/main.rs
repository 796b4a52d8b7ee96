//! Cancel safety: each future of the library is dropped after every possible number of polls. Work that has begun must
//! complete, and must be done once.

mod changes;
mod clients;
mod messages;
mod support;
mod tagged;
