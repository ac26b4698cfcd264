CREATE INDEX decision_evaluation_model ON decision_evaluation (package, name, evaluated_at);
