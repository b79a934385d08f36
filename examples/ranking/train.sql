-- What was shown for a query, and where; the features are from 0 to 1.
CREATE TABLE impressions (
  query INT, moment TIMESTAMP(3), place INT, document INT, text FLOAT, popularity FLOAT, age FLOAT, price FLOAT,
  WATERMARK FOR moment AS moment
) WITH ('connector' = 'filesystem', 'path' = '${code}/impressions.csv.gz', 'format' = 'csv');

CREATE TABLE clicks (
  query INT, moment TIMESTAMP(3), document INT,
  WATERMARK FOR moment AS moment
) WITH ('connector' = 'filesystem', 'path' = '${code}/clicks.csv.gz', 'format' = 'csv');

CREATE TABLE training (text FLOAT, popularity FLOAT, age FLOAT, price FLOAT, place FLOAT, clicked INT)
WITH ('connector' = 'flinktf', 'role' = 'worker', 'batch.rows' = '256');

-- A document has been clicked within five minutes, or it has not: then its row comes after that time, by the events' clock.
INSERT INTO training
SELECT i.text, i.popularity, i.age, i.price, CAST(i.place / 10.0 AS FLOAT), IF(c.document IS NULL, 0, 1)
FROM impressions i LEFT JOIN clicks c
ON i.query = c.query AND i.document = c.document AND c.moment BETWEEN i.moment AND i.moment + INTERVAL '5' MINUTE;
