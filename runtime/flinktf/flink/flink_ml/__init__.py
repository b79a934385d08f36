"""DL on Flink's place of the Estimator API."""
