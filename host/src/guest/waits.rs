//! The functions of `wasi:io` in which a handler waits: for a time, for a server, or for a disk.
//!
//! They do the same as those of `wasmtime_wasi`. But if the event has exceeded its limits, they trap, and wasmtime
//! notes where in the guest that is. If the call were only dropped, wasmtime would note nothing.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, HostPollable as _};
use wasmtime_wasi::p2::bindings::io::streams::{
    Host as _, HostInputStream as _, HostOutputStream as _, StreamError,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamResult};

use super::cpu_budget::CpuBudget;
use super::limits::LimitExceeded;
use super::state::State;

/// The interfaces whose functions are replaced, in the version that the crates define. A component may import any patch
/// version of 0.2.
const POLL: &str = "wasi:io/poll@0.2.12";
const STREAMS: &str = "wasi:io/streams@0.2.12";

type Store<'a> = StoreContextMut<'a, State>;
type Waiting<'a, T> = Box<dyn Future<Output = Result<(T,)>> + Send + 'a>;
type WaitingForStream<'a, T> = Waiting<'a, std::result::Result<T, StreamError>>;
type Input = Resource<DynInputStream>;
type Output = Resource<DynOutputStream>;

/// Adds the functions. They replace functions that the linker already has.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    let mut poll = linker.instance(POLL)?;
    poll.func_wrap_async("poll", poll_all)?;
    poll.func_wrap_async("[method]pollable.block", block)?;
    let mut streams = linker.instance(STREAMS)?;
    streams.func_wrap_async("[method]input-stream.blocking-read", read)?;
    streams.func_wrap_async("[method]input-stream.blocking-skip", skip)?;
    streams.func_wrap_async("[method]output-stream.blocking-write-and-flush", write)?;
    streams
        .func_wrap_async("[method]output-stream.blocking-write-zeroes-and-flush", write_zeroes)?;
    streams.func_wrap_async("[method]output-stream.blocking-flush", flush)?;
    streams.func_wrap_async("[method]output-stream.blocking-splice", splice)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Waits, but only as long as the event is within its limits.
///
/// # Errors
///
/// [`LimitExceeded::Time`] or [`LimitExceeded::Cpu`].
pub(super) async fn in_time<T>(
    budget: &CpuBudget,
    wait: impl Future<Output = T>,
) -> std::result::Result<T, LimitExceeded> {
    let mut wait = pin!(wait);
    poll_fn(|context| match budget.check() {
        Ok(()) => wait.as_mut().poll(context).map(Ok),
        Err(limit) => Poll::Ready(Err(limit)),
    })
    .await
}

fn parts<'a>(store: &'a mut Store<'_>) -> (Arc<CpuBudget>, &'a mut ResourceTable) {
    let state = store.data_mut();
    (Arc::clone(state.meter.budget()), state.ctx().table)
}

/// Returns the result of a function of a stream in the form that the guest gets.
fn result<T>(
    table: &mut ResourceTable,
    result: StreamResult<T>,
) -> Result<(std::result::Result<T, StreamError>,)> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => Ok((Err(table.convert_stream_error(error)?),)),
    }
}

fn poll_all(
    mut store: Store<'_>,
    (pollables,): (Vec<Resource<DynPollable>>,),
) -> Waiting<'_, Vec<u32>> {
    Box::new(async move {
        let (budget, table) = parts(&mut store);
        Ok((in_time(&budget, table.poll(pollables)).await??,))
    })
}

fn block(
    mut store: Store<'_>,
    (pollable,): (Resource<DynPollable>,),
) -> Box<dyn Future<Output = Result<()>> + Send + '_> {
    Box::new(async move {
        let (budget, table) = parts(&mut store);
        in_time(&budget, table.block(pollable)).await?
    })
}

fn read(mut store: Store<'_>, (stream, length): (Input, u64)) -> WaitingForStream<'_, Vec<u8>> {
    Box::new(async move {
        let (budget, table) = parts(&mut store);
        let done = in_time(&budget, table.blocking_read(stream, length)).await?;
        result(table, done)
    })
}

fn skip(mut store: Store<'_>, (stream, length): (Input, u64)) -> WaitingForStream<'_, u64> {
    Box::new(async move {
        let (budget, table) = parts(&mut store);
        let done = in_time(&budget, table.blocking_skip(stream, length)).await?;
        result(table, done)
    })
}

fn write(mut store: Store<'_>, (stream, bytes): (Output, Vec<u8>)) -> WaitingForStream<'_, ()> {
    Box::new(async move {
        let (budget, table) = parts(&mut store);
        let done = in_time(&budget, table.blocking_write_and_flush(stream, bytes)).await?;
        result(table, done)
    })
}

fn write_zeroes(mut store: Store<'_>, (stream, length): (Output, u64)) -> WaitingForStream<'_, ()> {
    Box::new(async move {
        let (budget, table) = parts(&mut store);
        let done = in_time(&budget, table.blocking_write_zeroes_and_flush(stream, length)).await?;
        result(table, done)
    })
}

fn flush(mut store: Store<'_>, (stream,): (Output,)) -> WaitingForStream<'_, ()> {
    Box::new(async move {
        let (budget, table) = parts(&mut store);
        let done = in_time(&budget, table.blocking_flush(stream)).await?;
        result(table, done)
    })
}

fn splice(
    mut store: Store<'_>,
    (to, from, length): (Output, Input, u64),
) -> WaitingForStream<'_, u64> {
    Box::new(async move {
        let (budget, table) = parts(&mut store);
        let done = in_time(&budget, table.blocking_splice(to, from, length)).await?;
        result(table, done)
    })
}
