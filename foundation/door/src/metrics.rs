use banyan_store::{Db, Error, feed, jobs};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Counters of one process, in Prometheus form. Engines may register their own in `registry`.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub registry: Registry,
    pub(crate) operations: IntCounterVec,
    pub(crate) seconds: HistogramVec,
    lag: IntGaugeVec,
    jobs: IntGaugeVec,
    connections: IntGaugeVec,
    bytes: IntGauge,
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
        let gauge = |name: &str, help: &str, label: &str| IntGaugeVec::new(Opts::new(name, help), &[label]);
        let lag = gauge(
            "banyan_feed_lag_events",
            "Events that a consumer of the feed has yet to see.",
            "consumer",
        )?;
        let jobs = gauge("banyan_jobs", "Jobs by state.", "state")?;
        let connections = gauge(
            "banyan_database_connections",
            "Connections to the database: for reading (SQLite), in all (PostgreSQL).",
            "state",
        )?;
        let bytes = IntGauge::new("banyan_database_bytes", "Size of the database.")?;
        registry.register(Box::new(operations.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(lag.clone()))?;
        registry.register(Box::new(jobs.clone()))?;
        registry.register(Box::new(connections.clone()))?;
        registry.register(Box::new(bytes.clone()))?;
        Ok(Metrics {
            registry,
            operations,
            seconds,
            lag,
            jobs,
            connections,
            bytes,
        })
    }

    /// Looks at what lies in the database, for the next [`Metrics::text`].
    ///
    /// # Errors
    /// Where the database can't be read; the figures then stay as they were.
    pub fn look(&self, db: &Db) -> Result<(), Error> {
        let (lags, counts) = db.read::<_, Error>(|tx| Ok((feed::lags(tx)?, jobs::counts(tx)?)))?;
        let figure = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.lag.reset();
        for (consumer, _, behind) in lags {
            self.lag.with_label_values(&[consumer]).set(figure(behind));
        }
        self.jobs.reset();
        for (state, count) in counts {
            self.jobs.with_label_values(&[state]).set(figure(count));
        }
        let stats = db.stats();
        let busy = stats.connections.saturating_sub(stats.idle);
        for (state, count) in [("idle", stats.idle), ("busy", busy)] {
            self.connections
                .with_label_values(&[state])
                .set(figure(count as u64));
        }
        self.bytes.set(figure(db.size()?));
        Ok(())
    }

    /// The text exposition format.
    pub fn text(&self) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }
}
