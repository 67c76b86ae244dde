"""pyscard (python3-pyscard), by its low-level interface; the same orders as the other programs."""

import json
import sys
import threading
import time
from importlib.metadata import version

from smartcard.scard import (
    SCARD_LEAVE_CARD,
    SCARD_PROTOCOL_T0,
    SCARD_PROTOCOL_T1,
    SCARD_S_SUCCESS,
    SCARD_SCOPE_USER,
    SCARD_SHARE_SHARED,
    SCardBeginTransaction,
    SCardConnect,
    SCardEndTransaction,
    SCardEstablishContext,
    SCardGetErrorMessage,
    SCardTransmit,
)

readers = sys.argv[1:]
cards = []
queue = []


def check(result, what):
    if result != SCARD_S_SUCCESS:
        raise RuntimeError(f"{what}: {SCardGetErrorMessage(result)}")


def connect(name):
    result, context = SCardEstablishContext(SCARD_SCOPE_USER)
    check(result, "SCardEstablishContext")
    result, card, protocol = SCardConnect(
        context, name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1
    )
    check(result, "SCardConnect")
    return context, card, protocol


def transmit(card, apdu):
    result, response = SCardTransmit(card[1], card[2], apdu)
    check(result, "SCardTransmit")
    return response


def transact(card, apdu):
    check(SCardBeginTransaction(card[1]), "SCardBeginTransaction")
    transmit(card, apdu)
    check(SCardEndTransaction(card[1], SCARD_LEAVE_CARD), "SCardEndTransaction")


def collect(card, apdu):
    whole = []
    response = transmit(card, apdu)
    while True:
        whole += response[:-2]
        if response[-2] != 0x61:
            return whole
        response = transmit(card, [0x80, 0xC0, 0, 0, response[-1]])


def samples(count, action):
    us = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        us.append((time.perf_counter() - start) * 1e6)
    return {"us": us}


def in_threads(jobs):
    threads = [threading.Thread(target=job) for job in jobs]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"ms": (time.perf_counter() - start) * 1e3}


def obey(order, words):
    apdu = list(bytes.fromhex(words[-1])) if words and len(words[-1]) >= 8 else []
    if order == "version":
        return {"version": version("pyscard")}
    if order == "open":
        while len(cards) < int(words[0]):
            cards.append(connect(readers[len(cards)]))
        return {}
    if order == "apdu":
        return samples(int(words[1]), lambda: transmit(cards[int(words[0])], apdu))
    if order == "chain":
        return samples(int(words[1]), lambda: collect(cards[int(words[0])], apdu))
    if order == "parallel":

        def run(card):
            for _ in range(int(words[1])):
                transmit(card, apdu)

        return in_threads([lambda card=card: run(card) for card in cards[: int(words[0])]])
    if order == "queue":
        while len(queue) < int(words[0]):
            queue.append(connect(readers[0]))
        return in_threads([lambda card=card: transact(card, apdu) for card in queue[: int(words[0])]])
    return {"error": f"cannot do: {order}"}


for line in sys.stdin:
    order, *words = line.split()
    try:
        answer = obey(order, words)
    except Exception as error:  # whatever it is, it is a row of the table
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
