import threading
import time

import pytest

from yunmeng.concurrency import ReadWriteLock


def running(count: int, lock: ReadWriteLock, inside: list[int], most: list[int], rounds: int) -> list[threading.Thread]:
    """Threads that pass the lock again and again; ``most[0]`` is the largest number seen inside."""
    counting = threading.Lock()

    def run() -> None:
        for _ in range(rounds):
            with lock:
                with counting:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0.0005)
                with counting:
                    inside[0] -= 1

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_no_more_than_its_readers_are_inside() -> None:
    most = [0]
    for thread in running(8, ReadWriteLock(3), [0], most, 50):
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert most == [3]


def test_places_are_given_in_the_order_of_arrival() -> None:
    lock, order = ReadWriteLock(1), []

    def enter(number: int) -> None:
        with lock:
            order.append(number)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(5)]
    with lock:
        for number, thread in enumerate(threads, 1):
            thread.start()
            while len(lock._waiting) < number:
                time.sleep(0.001)
    for thread in threads:
        thread.join(timeout=10)
    assert order == [0, 1, 2, 3, 4]


def test_exclusive_waits_for_those_inside_and_keeps_others_out() -> None:
    lock, inside, most = ReadWriteLock(4), [0], [0]
    threads = running(6, lock, inside, most, 100)
    with lock.exclusive():
        for _ in range(20):
            assert inside == [0]
            time.sleep(0.001)
    with lock.limited(1):
        most[0] = 0
        time.sleep(0.02)
        assert most[0] <= 1
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_a_place_is_free_again_after_an_error() -> None:
    lock = ReadWriteLock(1)
    with pytest.raises(ValueError, match="inside"), lock:
        raise ValueError("inside")
    with lock.exclusive():
        pass
    with lock:
        pass
