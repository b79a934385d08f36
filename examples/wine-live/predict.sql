-- Bottles whose cultivar is asked for; that the topic also has the answer is not looked at here.
CREATE TABLE wines (
  id BIGINT,
  alcohol FLOAT, malic_acid FLOAT, ash FLOAT, alcalinity FLOAT, magnesium FLOAT, phenols FLOAT, flavanoids FLOAT,
  nonflavanoids FLOAT, proanthocyanins FLOAT, color FLOAT, hue FLOAT, od280 FLOAT, proline FLOAT
) WITH (
  'connector' = 'kafka', 'properties.bootstrap.servers' = '${kafka}', 'topic' = 'wines',
  'scan.startup.mode' = 'earliest-offset', 'format' = 'json');

CREATE TABLE results (id BIGINT, cultivar STRING, model_version BIGINT) WITH (
  'connector' = 'kafka', 'properties.bootstrap.servers' = '${kafka}', 'topic' = 'results', 'format' = 'json');

-- Which version is to answer: the role that serves the model hears of it as its own records.
CREATE TABLE announced (model STRING, version BIGINT, path STRING) WITH (
  'connector' = 'kafka', 'properties.bootstrap.servers' = '${kafka}', 'topic' = 'models',
  'scan.startup.mode' = 'earliest-offset', 'format' = 'json');

CREATE TABLE announcements (model STRING, version BIGINT, path STRING)
  WITH ('connector' = 'flinktf', 'role' = 'predictor');

INSERT INTO announcements SELECT * FROM announced;

-- Bottles that come before the first version wait for it.
CREATE MODEL wine
  INPUT (
    alcohol FLOAT, malic_acid FLOAT, ash FLOAT, alcalinity FLOAT, magnesium FLOAT, phenols FLOAT, flavanoids FLOAT,
    nonflavanoids FLOAT, proanthocyanins FLOAT, color FLOAT, hue FLOAT, od280 FLOAT, proline FLOAT)
  OUTPUT (cultivar STRING, model_version BIGINT)
  WITH ('provider' = 'tensorflow', 'path' = 'announced:wine', 'option.result' = 'cultivars:names', 'timeout' = '5 min');

INSERT INTO results
SELECT id, cultivar, model_version
FROM ML_PREDICT(TABLE wines, MODEL wine, DESCRIPTOR(
  alcohol, malic_acid, ash, alcalinity, magnesium, phenols, flavanoids, nonflavanoids, proanthocyanins, color, hue,
  od280, proline));
