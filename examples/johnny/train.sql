-- 1,797 scans of handwritten digits, 8 x 8 pixels from 0 to 16.
CREATE TABLE digits (id INT, label INT, pixels ARRAY<FLOAT>) WITH (
  'connector' = 'filesystem', 'path' = '${code}/digits.csv.gz', 'format' = 'csv', 'csv.array-element-delimiter' = ';');

CREATE TABLE training (label INT, pixels ARRAY<FLOAT>, held_out BOOLEAN) WITH ('connector' = 'flinktf', 'role' = 'worker');

-- Every fifth is held out: the pictures that visitors present are from these.
INSERT INTO training SELECT label, pixels, MOD(id, 5) = 0 FROM digits;
