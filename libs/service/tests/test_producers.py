from aiokafka import TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.protocol.metadata import MetadataResponse_v1

from gyre_service.kafka.producers import keep_leaders

THERE = TopicPartition("answers", 0)
NOBODY = -1


def told(cluster: ClusterMetadata, leader: int, brokers: tuple[int, ...] = (1, 2)) -> None:
    """Give a cluster what a broker says of it."""
    cluster.update_metadata(
        MetadataResponse_v1(
            brokers=[(one, "127.0.0.1", 9000 + one, None) for one in brokers],
            controller_id=1,
            topics=[(0, "answers", False, [(0, 0, leader, [1], [1])])],
        )
    )


def test_a_partition_that_nobody_leads_has_the_leader_that_it_had() -> None:
    cluster = ClusterMetadata()
    keep_leaders(cluster)
    assert cluster.leader_for_partition(THERE) is None

    told(cluster, leader=1)
    assert cluster.leader_for_partition(THERE) == 1
    told(cluster, leader=NOBODY)
    assert cluster.leader_for_partition(THERE) == 1
    told(cluster, leader=2)
    assert cluster.leader_for_partition(THERE) == 2


def test_a_leader_that_is_no_broker_any_more_is_none() -> None:
    cluster = ClusterMetadata()
    keep_leaders(cluster)
    told(cluster, leader=2)
    assert cluster.leader_for_partition(THERE) == 2

    told(cluster, leader=NOBODY, brokers=(1,))
    assert cluster.leader_for_partition(THERE) == NOBODY
