CREATE INDEX consent_of_party ON consent (party, given_at);
