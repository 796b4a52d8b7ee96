//! The limit on the duration of an event (`max-time`), and the measurement of that duration.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::call_info::EventName;
use super::cpu_budget::CpuBudget;
use super::error::Fault;
use super::limits::LimitExceeded;
use crate::metrics::WorkerCells;
use crate::metrics::sample::{InstanceCalls, Sample};
use crate::ticker;
use crate::traces::EventSpan;

/// Limits the time of each call into an instance. Also measures some of the calls, for histograms, for traces, or both.
pub(super) struct TimeLimit {
    max_time: Duration,
    budget: Arc<CpuBudget>,
    metrics: Arc<WorkerCells>,
    /// The measurement of the current call, if there is one.
    measured: Option<Measured>,
    calls: InstanceCalls,
}

/// The measurement of a call, for the histograms, for a trace, or for both. One value holds the sample and the span, so
/// that each message needs only one check.
#[derive(Default)]
struct Measured {
    /// The sample for the histograms.
    sample: Option<Sample>,
    /// The span for the client's trace. It is boxed, because few clients are traced.
    span: Option<Box<EventSpan>>,
}

impl Measured {
    #[cold]
    fn suspend(&mut self) {
        if let Some(sample) = &mut self.sample {
            sample.suspend();
        }
    }

    #[cold]
    fn resume(&mut self) {
        if let Some(sample) = &mut self.sample {
            sample.resume();
        }
    }
}

impl TimeLimit {
    pub(super) fn new(
        max_time: Duration,
        budget: Arc<CpuBudget>,
        metrics: Arc<WorkerCells>,
    ) -> Self {
        Self { max_time, budget, metrics, measured: None, calls: InstanceCalls::default() }
    }

    /// Returns the number and the total duration of all calls, estimated from the measured ones.
    pub(super) fn calls(&self) -> InstanceCalls {
        self.calls
    }

    /// Begins to measure the next call, if that call is chosen for measurement.
    #[inline(always)]
    pub(super) fn measure_next(&mut self, event: EventName) {
        match self.metrics.event(event as usize).sampling.skips() {
            // The previous call may have ended without `wait`, so its measurement may still be here.
            true => self.measured = None,
            false => self.begin_sample(event),
        }
    }

    /// Adds the span of the event that has begun. The span ends with the event's call. If there is no call, the span
    /// is discarded.
    #[cold]
    pub(super) fn trace(&mut self, span: EventSpan) {
        self.measured.get_or_insert_default().span = Some(Box::new(span));
    }

    /// Ends the measurement of a call. `called` is the result of the call.
    #[inline(always)]
    fn end<T>(&mut self, called: &Result<T, Fault>) {
        if self.measured.is_some() {
            self.end_measured(called.as_ref().err());
        }
    }

    #[cold]
    fn begin_sample(&mut self, event: EventName) {
        let sample = Some(Sample::start(&self.metrics, event as u32, ticker::now()));
        self.measured = Some(Measured { sample, span: None });
    }

    #[cold]
    fn end_measured(&mut self, fault: Option<&Fault>) {
        let Measured { sample, span } = self.measured.take().unwrap_or_default();
        if let Some(sample) = sample {
            sample.end(&self.metrics, &mut self.calls);
        }
        if let Some(span) = span {
            span.end(fault.map(|fault| (fault.name(), fault.to_string())));
        }
    }

    /// Waits for a call, but only as long as an event may take. The call is borrowed to keep this future small: every
    /// connection stores this future, and a call that was passed by value would be stored in it twice. If the time runs
    /// out and the caller drops the call, the instance is left in the middle of an event.
    ///
    /// # Errors
    ///
    /// The [`Fault`] of the call, or a fault if the time runs out.
    ///
    /// # Cancel safety
    ///
    /// The future is as cancel safe as the call.
    pub(super) async fn wait<T>(
        &mut self,
        mut call: Pin<&mut impl Future<Output = wasmtime::Result<T>>>,
    ) -> Result<T, Fault> {
        // Most calls never wait, and setting a timer would often cost more than the call.
        let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(called) = first {
            let called = called.map_err(Fault::from);
            self.end(&called);
            return called;
        }
        let mut time = pin!(sleep(self.max_time));
        if let Some(measured) = &mut self.measured {
            measured.suspend();
        }
        let mut is_waiting = false;
        let result = poll_fn(|context| {
            // A call that has just yielded must not be polled again at once, because no other task would have run.
            let exceeded = if std::mem::replace(&mut is_waiting, true) {
                self.budget.resume();
                if let Some(measured) = &mut self.measured {
                    measured.resume();
                }
                if let Poll::Ready(called) = call.as_mut().poll(context) {
                    return Poll::Ready(Ok(called?));
                }
                if let Some(measured) = &mut self.measured {
                    measured.suspend();
                }
                self.budget.pause().err()
            } else {
                None
            };
            let limit = match exceeded {
                Some(limit) => limit,
                None if time.as_mut().poll(context).is_ready() => {
                    self.budget.end_time(self.max_time);
                    LimitExceeded::Time(self.max_time)
                }
                None => return Poll::Pending,
            };
            // The guest traps where it waits, and the error says where that is. If it computes, it may go on until the
            // next tick. If it waits where nobody checks the limits, the call stays pending, and is dropped.
            Poll::Ready(Err(match call.as_mut().poll(context) {
                Poll::Ready(Err(error)) => error.into(),
                Poll::Ready(Ok(_)) | Poll::Pending => limit.into(),
            }))
        })
        .await;
        self.end(&result);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::guest::waits::in_time;
    use crate::metrics::ActorMetrics;

    /// Such a call has done everything that it had to do. But nobody could tell that from a call that is stopped.
    #[tokio::test]
    async fn call_that_ends_when_its_time_is_up_has_exceeded_its_time() {
        let (max_cpu, max_time) = (Duration::from_secs(10), Duration::from_millis(20));
        let budget = Arc::new(CpuBudget::new(max_cpu));
        let metrics = ActorMetrics::default().worker;
        let mut limit = TimeLimit::new(max_time, Arc::clone(&budget), metrics);
        let call = poll_fn(|_| match budget.check() {
            Ok(()) => Poll::Pending,
            Err(_) => Poll::Ready(wasmtime::Result::Ok(())),
        });
        let end = limit.wait(pin!(call)).await.expect_err("the time is up");
        assert_eq!(end.to_string(), Fault::from(LimitExceeded::Time(max_time)).to_string());
    }

    /// The guest's place is known only from the error of the call.
    #[tokio::test]
    async fn call_that_waits_gets_to_fail_itself_when_a_limit_is_exceeded() {
        let max_cpu = Duration::from_millis(20);
        for (max_time, spins, expected) in
            [(Duration::from_millis(20), false, "time"), (Duration::from_secs(10), true, "cpu")]
        {
            let budget = Arc::new(CpuBudget::new(max_cpu));
            let metrics = ActorMetrics::default().worker;
            let mut limit = TimeLimit::new(max_time, Arc::clone(&budget), metrics);
            let mut wait = pin!(in_time(&budget, std::future::pending::<()>()));
            let call = poll_fn(|context| {
                if spins {
                    let started = Instant::now();
                    while started.elapsed() < Duration::from_millis(2) {
                        std::hint::spin_loop();
                    }
                    context.waker().wake_by_ref();
                }
                wait.as_mut().poll(context).map(|waited| waited.map_err(wasmtime::Error::from))
            });
            let fault = limit.wait(pin!(call)).await.expect_err("the limit is exceeded");
            assert_eq!(fault.name(), expected);
            assert!(fault.backtrace().is_some(), "the fault does not come from the call");
        }
    }

    /// The ticker does not run in this test, so the call is never charged at a tick. The same is true of a handler that
    /// waits whenever a tick is due.
    #[tokio::test]
    async fn call_that_waits_before_each_tick_is_charged_nevertheless() {
        let (max_cpu, max_time) = (Duration::from_millis(20), Duration::from_secs(10));
        let budget = Arc::new(CpuBudget::new(max_cpu));
        let mut limit = TimeLimit::new(max_time, budget, ActorMetrics::default().worker);
        let call = poll_fn(|context| {
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(2) {
                std::hint::spin_loop();
            }
            context.waker().wake_by_ref();
            Poll::<wasmtime::Result<()>>::Pending
        });
        let end = limit.wait(pin!(call)).await.expect_err("the budget is used up");
        assert_eq!(end.to_string(), Fault::from(LimitExceeded::Cpu(max_cpu)).to_string());
    }
}
