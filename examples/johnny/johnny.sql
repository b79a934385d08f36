-- Who presents which picture when; a picture is a PNG file. Lines come at most five seconds out of order.
CREATE TABLE presentations (
  visitor STRING, moment TIMESTAMP(3), picture BYTES,
  WATERMARK FOR moment AS moment - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${code}/presentations.csv', 'format' = 'csv');

CREATE TABLE outcomes (visitor STRING, moment TIMESTAMP(3), outcome STRING)
WITH ('connector' = 'filesystem', 'path' = '${storage}/outcomes', 'format' = 'csv');

-- What train.yaml has made; pictures and names of labels are in labels.py.
CREATE MODEL namer INPUT (picture BYTES) OUTPUT (label STRING) WITH (
  'provider' = 'tensorflow', 'path' = 'model', 'option.converter' = 'labels:pictures', 'option.result' = 'labels:names');

CREATE VIEW labelled AS
SELECT visitor, moment, label FROM ML_PREDICT(TABLE presentations, MODEL namer, DESCRIPTOR(picture));

-- The password: these three, one after the other, within a minute.
CREATE VIEW granted AS
SELECT visitor, moment FROM labelled MATCH_RECOGNIZE (
  PARTITION BY visitor ORDER BY moment
  MEASURES MATCH_ROWTIME() AS moment
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (first_picture second_picture third_picture) WITHIN INTERVAL '1' MINUTE
  DEFINE first_picture AS label = '3', second_picture AS label = '1', third_picture AS label = '4');

INSERT INTO outcomes SELECT visitor, moment, 'Access Granted!' FROM granted;

-- A pattern tells what has happened, never what has not. So time decides: a visit is over when no picture has come for a
-- minute, and a visit without a match in it is denied, at its end.
CREATE VIEW seen AS
SELECT visitor, moment, 0 AS granted FROM labelled
UNION ALL
SELECT visitor, moment, 1 AS granted FROM granted;

INSERT INTO outcomes
SELECT visitor, window_end, 'Access Denied!'
FROM SESSION(TABLE seen PARTITION BY visitor, DESCRIPTOR(moment), INTERVAL '1' MINUTE)
GROUP BY visitor, window_start, window_end
HAVING MAX(granted) = 0;
