-- UCI wine: 178 Italian wines, thirteen measurements each, from one of three cultivars.
CREATE TABLE wine (
  id INT, cultivar INT,
  alcohol FLOAT, malic_acid FLOAT, ash FLOAT, alcalinity FLOAT, magnesium FLOAT, phenols FLOAT, flavanoids FLOAT,
  nonflavanoids FLOAT, proanthocyanins FLOAT, color FLOAT, hue FLOAT, od280 FLOAT, proline FLOAT
) WITH ('connector' = 'filesystem', 'path' = '${code}/wine.csv', 'format' = 'csv');

-- The role `worker` as a table: what is inserted here is what the two workers train on.
CREATE TABLE training (
  cultivar INT, held_out BOOLEAN,
  alcohol FLOAT, malic_acid FLOAT, ash FLOAT, alcalinity FLOAT, magnesium FLOAT, phenols FLOAT, flavanoids FLOAT,
  nonflavanoids FLOAT, proanthocyanins FLOAT, color FLOAT, hue FLOAT, od280 FLOAT, proline FLOAT
) WITH ('connector' = 'flinktf', 'role' = 'worker');

-- Each measurement in standard deviations from its mean (from the data set's own summary); every fifth wine is held out.
INSERT INTO training
SELECT
  cultivar, MOD(id, 5) = 0,
  CAST((alcohol - 13.0) / 0.8 AS FLOAT), CAST((malic_acid - 2.34) / 1.12 AS FLOAT), CAST((ash - 2.36) / 0.27 AS FLOAT),
  CAST((alcalinity - 19.5) / 3.3 AS FLOAT), CAST((magnesium - 99.7) / 14.3 AS FLOAT),
  CAST((phenols - 2.29) / 0.63 AS FLOAT), CAST((flavanoids - 2.03) / 1.00 AS FLOAT),
  CAST((nonflavanoids - 0.36) / 0.12 AS FLOAT), CAST((proanthocyanins - 1.59) / 0.57 AS FLOAT),
  CAST((color - 5.1) / 2.3 AS FLOAT), CAST((hue - 0.96) / 0.23 AS FLOAT), CAST((od280 - 2.61) / 0.71 AS FLOAT),
  CAST((proline - 746.0) / 315.0 AS FLOAT)
FROM wine;
