use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Counters of one process, in Prometheus form. Engines may register their own in `registry`.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub registry: Registry,
    pub(crate) operations: IntCounterVec,
    pub(crate) seconds: HistogramVec,
}

impl Metrics {
    /// # Errors
    /// Where a metric's name is refused, which would be a mistake of ours.
    pub fn new() -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let operations = IntCounterVec::new(
            Opts::new(
                "banyan_operations_total",
                "Operations that entered the door, by name and outcome.",
            ),
            &["operation", "outcome"],
        )?;
        let buckets = vec![
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ];
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "banyan_operation_seconds",
                "Time from entering the door to leaving it.",
            )
            .buckets(buckets),
            &["operation"],
        )?;
        registry.register(Box::new(operations.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Metrics {
            registry,
            operations,
            seconds,
        })
    }

    /// The text exposition format.
    pub fn text(&self) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }
}
