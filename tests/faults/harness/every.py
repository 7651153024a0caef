"""All faults, in the order in which they are injected."""

from tests.faults.harness.alarms import ALARMS
from tests.faults.harness.burst import BURST
from tests.faults.harness.deaths import DEATHS
from tests.faults.harness.duplicates import DUPLICATES
from tests.faults.harness.r01_kill import R1
from tests.faults.harness.r02_zombie import R2
from tests.faults.harness.r03_members import R3
from tests.faults.harness.r04_broker import R4
from tests.faults.harness.r05_broker_away import R5
from tests.faults.harness.r06_poison import R6
from tests.faults.harness.r07_redrive import R7
from tests.faults.harness.r08_dependency import R8
from tests.faults.harness.r09_slow import R9
from tests.faults.harness.r10_replay import R10
from tests.faults.harness.r11_rolling import R11
from tests.faults.harness.r12_training import R12
from tests.faults.harness.r13_adapters import R13
from tests.faults.harness.r14_engine import R14
from tests.faults.harness.r15_database import R15
from tests.faults.harness.r16_disk import R16
from tests.faults.harness.r17_cancelled import R17
from tests.faults.harness.r18_links import R18
from tests.faults.harness.r19_versions import R19
from tests.faults.harness.skew import SKEW

FAULTS = {
    fault.name: fault
    for fault in (
        *(R1, R2, R3, R4, R5, R6, R7, R8, R9, R10),
        *(R11, R12, R13, R14, R15, R16, R17, R18, R19),
        *(DUPLICATES, DEATHS, BURST, SKEW, ALARMS),
    )
}
