//! The limit on the time of an event (`max-time`), and the measurement of that time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::call_info::EventName;
use super::cpu_clock::CpuClock;
use super::error::Fault;
use super::limits::LimitExceeded;
use crate::metrics::WorkerCells;
use crate::metrics::sample::{self, Sample};

/// Limits the time of each call into an instance, and measures some of the calls.
pub(super) struct TimeLimit {
    max_time: Duration,
    clock: Arc<CpuClock>,
    metrics: Arc<WorkerCells>,
    /// The present call, if it is measured.
    sample: Option<Sample>,
}

impl TimeLimit {
    pub(super) fn new(max_time: Duration, clock: Arc<CpuClock>, metrics: Arc<WorkerCells>) -> Self {
        Self { max_time, clock, metrics, sample: None }
    }

    /// Begins to measure the next call, if it is one of those that are measured.
    #[inline(always)]
    pub(super) fn begin(&mut self, event: EventName) {
        match event.is_frequent() && !sample::is_chosen() {
            // The call before may have returned without being waited for.
            true => self.sample = None,
            false => self.begin_sample(event),
        }
    }

    /// Ends the measurement.
    #[inline(always)]
    fn end(&mut self) {
        if self.sample.is_some() {
            self.end_sample();
        }
    }

    #[cold]
    fn begin_sample(&mut self, event: EventName) {
        let weight = if event.is_frequent() { sample::WEIGHT } else { 1 };
        self.sample = Some(Sample::begin(event as usize, weight));
    }

    #[cold]
    fn end_sample(&mut self) {
        if let Some(sample) = self.sample.take() {
            sample.end(&self.metrics);
        }
    }

    /// Waits for a call, but not longer than an event may take. The call is borrowed to keep this future small: every
    /// connection stores it, and a call that is passed by value would be stored in it twice. If the time is over and
    /// the caller drops the call, the instance is left in the middle of an event.
    ///
    /// # Errors
    ///
    /// The [`Fault`] of the call, or that the time is over.
    ///
    /// # Cancel safety
    ///
    /// That of the call.
    pub(super) async fn wait<T>(
        &mut self,
        mut call: Pin<&mut impl Future<Output = wasmtime::Result<T>>>,
    ) -> Result<T, Fault> {
        // Most calls do not wait at all, and a timer costs more than many calls.
        let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(called) = first {
            self.end();
            return Ok(called?);
        }
        let mut time = pin!(sleep(self.max_time));
        if let Some(sample) = &mut self.sample {
            sample.suspend();
        }
        let mut is_waiting = false;
        let result = poll_fn(|context| {
            // A call that has just yielded must not be polled again at once: no other task would have run.
            if std::mem::replace(&mut is_waiting, true) {
                // The call used no CPU time while it was suspended.
                self.clock.restart();
                if let Some(sample) = &mut self.sample {
                    sample.resume();
                }
                if let Poll::Ready(called) = call.as_mut().poll(context) {
                    return Poll::Ready(Ok(called?));
                }
                if let Some(sample) = &mut self.sample {
                    sample.suspend();
                }
            }
            let is_over = time.as_mut().poll(context);
            is_over.map(|()| Err(LimitExceeded::Time(self.max_time).into()))
        })
        .await;
        self.end();
        result
    }
}
