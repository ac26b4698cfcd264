CREATE INDEX audit_act_by_trace ON audit_act (trace);
