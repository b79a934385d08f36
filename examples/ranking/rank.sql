-- What was found for a query, in the old order, and the grades that judges have given; nothing was trained on them.
CREATE TABLE candidates (
  query INT, moment TIMESTAMP(3), place INT, document INT, text FLOAT, popularity FLOAT, age FLOAT, price FLOAT, grade INT,
  first_place AS CAST(0.1 AS FLOAT), -- All are asked for as if they were shown there: what is left are their merits.
  WATERMARK FOR moment AS moment
) WITH ('connector' = 'filesystem', 'path' = '${code}/candidates.csv.gz', 'format' = 'csv');

CREATE MODEL ranker INPUT (text FLOAT, popularity FLOAT, age FLOAT, price FLOAT, place FLOAT) OUTPUT (score FLOAT)
WITH ('provider' = 'tensorflow', 'path' = 'model');

CREATE VIEW scored AS
SELECT * FROM ML_PREDICT(TABLE candidates, MODEL ranker, DESCRIPTOR(text, popularity, age, price, first_place));

CREATE TABLE top (query INT, place BIGINT, document INT, score FLOAT)
WITH ('connector' = 'filesystem', 'path' = '${storage}/top', 'format' = 'csv');

-- All candidates of a query have one time. In a window a rank is final; without one, each new row could change it.
INSERT INTO top
SELECT query, ranked, document, score FROM (
  SELECT query, document, score,
    ROW_NUMBER() OVER (PARTITION BY window_start, window_end, query ORDER BY score DESC) AS ranked
  FROM TUMBLE(TABLE scored, DESCRIPTOR(moment), INTERVAL '1' SECOND)
) WHERE ranked <= 3;

CREATE TABLE judged (query INT, place INT, score FLOAT, grade INT) WITH ('connector' = 'flinktf', 'role' = 'judge');

INSERT INTO judged SELECT query, place, score, grade FROM scored;
