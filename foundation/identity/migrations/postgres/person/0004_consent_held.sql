CREATE UNIQUE INDEX consent_held ON consent (party, purpose) WHERE withdrawn_at IS NULL;
