CREATE INDEX package_draft_state ON package_draft (state, updated_at);
