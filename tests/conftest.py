import os

from hypothesis import settings

# A slow moment of a shared machine is no failure; what must not take long is measured as a ratio in bench/.
settings.register_profile("flinktf", deadline=None)
settings.load_profile("flinktf")

# Flink's processes live for seconds here: what the second compiler makes of their code is never earned back.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
