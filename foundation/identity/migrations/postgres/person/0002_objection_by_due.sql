CREATE INDEX objection_by_due ON objection (due_on) WHERE answered_at IS NULL;
