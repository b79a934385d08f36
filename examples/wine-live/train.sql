-- Bottles whose cultivar is known, as they come. Every fifth wine is never trained on.
CREATE TABLE wines (
  wine INT, cultivar INT,
  alcohol FLOAT, malic_acid FLOAT, ash FLOAT, alcalinity FLOAT, magnesium FLOAT, phenols FLOAT, flavanoids FLOAT,
  nonflavanoids FLOAT, proanthocyanins FLOAT, color FLOAT, hue FLOAT, od280 FLOAT, proline FLOAT
) WITH (
  'connector' = 'kafka', 'properties.bootstrap.servers' = '${kafka}', 'topic' = 'wines',
  'scan.startup.mode' = 'earliest-offset', 'format' = 'json');

CREATE TABLE training (
  cultivar INT,
  alcohol FLOAT, malic_acid FLOAT, ash FLOAT, alcalinity FLOAT, magnesium FLOAT, phenols FLOAT, flavanoids FLOAT,
  nonflavanoids FLOAT, proanthocyanins FLOAT, color FLOAT, hue FLOAT, od280 FLOAT, proline FLOAT
) WITH ('connector' = 'flinktf', 'role' = 'worker');

INSERT INTO training
SELECT
  cultivar, alcohol, malic_acid, ash, alcalinity, magnesium, phenols, flavanoids, nonflavanoids, proanthocyanins, color,
  hue, od280, proline
FROM wines WHERE MOD(wine, 5) <> 0;
