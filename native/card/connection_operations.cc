// The operations of a connection, each as a sequence of steps.
#include "card/connection.h"

namespace pcsc_bridge {

template <class T, class Continue>
void Connection::WithHandle(OperationOf<T>& operation, const char* name, Repair repair, Continue then) {
  if (state_ == State::kClosed) return Settle<T>(operation, NotConnected(name));
  if (in_transaction()) return then();
  WithTurn(parameters_.reader, [this, &operation, repair, then = std::move(then)] {
    if (state_ != State::kStale) return then();
    RepairHandle(repair, [this, &operation, then](const backend::Outcome& repaired) {
      if (!repaired) return Settle<T>(operation, repaired.error());
      then();
    });
  });
}

template <class T, class Continue>
void Connection::CallFor(OperationOf<T>& operation, backend::Call call, Continue then) {
  Call(std::move(call), [this, &operation, then = std::move(then)](backend::Outcome outcome) {
    if (!outcome) return Settle<T>(operation, outcome.error());
    then(*outcome);
  });
}

Connection::Handle Connection::Connect(ConnectParameters parameters, Answer<Protocols> answer) {
  return Submit<Protocols>(
      [this, parameters = std::make_shared<const ConnectParameters>(std::move(parameters))](
          OperationOf<Protocols>& operation) {
        if (in_transaction()) RetireClient(Owed());
        turn_.Leave();
        WithTurn(parameters->reader, [this, parameters, &operation] {
          OpenHandle(parameters, [this, &operation](const backend::Outcome& connected) {
            if (!connected) return Settle<Protocols>(operation, connected.error());
            if (parameters_.share_mode == ShareMode::kDirect) {
              state_ = State::kOpen;
              return Settle<Protocols>(operation, protocol_);
            }
            HandToOwner([this, &operation](const backend::Outcome& handed) {
              if (handed) return Settle<Protocols>(operation, protocol_);
              RetireClient(Disposition::kLeave);
              Settle<Protocols>(operation, handed.error());
            });
          });
        });
      },
      std::move(answer));
}

Connection::Handle Connection::Reconnect(ShareMode share_mode, Protocols protocols,
                                         Disposition initialization, Answer<Protocols> answer) {
  return Submit<Protocols>(
      [this, share_mode, protocols, initialization](OperationOf<Protocols>& operation) {
        if (state_ == State::kClosed) return Settle<Protocols>(operation, NotConnected("SCardReconnect"));
        WithTurn(parameters_.reader, [this, share_mode, protocols, initialization, &operation] {
          known_atr_.reset();
          CallFor(operation, backend::Reconnect{share_mode, protocols, initialization},
                  [this, share_mode, protocols, initialization, &operation](const backend::Reply& reply) {
                    parameters_.share_mode = share_mode;
                    parameters_.protocols = protocols;
                    protocol_ = reply.protocol;
                    const bool direct = share_mode == ShareMode::kDirect;
                    if (!in_transaction()) state_ = direct ? State::kOpen : State::kStale;
                    if (initialization != Disposition::kLeave) parts_.users->NoteReset(parameters_.reader);
                    if (direct) return Settle<Protocols>(operation, protocol_);
                    HandToOwner([this, &operation](const backend::Outcome& handed) {
                      if (!handed) return Settle<Protocols>(operation, handed.error());
                      Settle<Protocols>(operation, protocol_);
                    });
                  });
        });
      },
      std::move(answer));
}

Connection::Handle Connection::Disconnect(Disposition disposition, Answer<Done> answer) {
  return Submit<Done>(
      [this, disposition](OperationOf<Done>& operation) {
        if (state_ == State::kClosed) return Settle<Done>(operation, NotConnected("SCardDisconnect"));
        const auto disconnect = [this, disposition, &operation] {
          Call(backend::Disconnect{disposition, nullptr},
               [this, disposition, &operation](const backend::Outcome& outcome) {
                 if (outcome && disposition != Disposition::kLeave)
                   parts_.users->NoteReset(parameters_.reader);
                 const Disposition owed = disposition == Disposition::kLeave ? Owed() : disposition;
                 RetireClient(outcome ? Disposition::kLeave : owed);
                 Settle<Done>(operation, outcome ? Result<Done>(Done{}) : Result<Done>(outcome.error()));
               });
        };
        if (disposition == Disposition::kLeave) return disconnect();
        WithTurn(parameters_.reader, disconnect);
      },
      std::move(answer));
}

Connection::Handle Connection::Begin(OnReset on_reset, Answer<BeginOutcome> answer) {
  return Submit<BeginOutcome>(
      [this, on_reset](OperationOf<BeginOutcome>& operation) {
        if (in_transaction()) {
          return Settle<BeginOutcome>(
              operation, Error{status::kInvalidParameter, "SCardBeginTransaction", parameters_.reader,
                               "this card is already in a transaction of its own"});
        }
        WithHandle(operation, "SCardBeginTransaction", Repair::kHandle, [this, on_reset, &operation] {
          BeginOnHandle(on_reset, [this, &operation](const Result<BeginOutcome>& begun) {
            if (!begun) return Settle<BeginOutcome>(operation, begun.error());
            HandToOwner([this, &operation, begun = begun.value()](const backend::Outcome& handed) {
              if (!handed) return EndAndFail<BeginOutcome>(operation, handed.error());
              Settle<BeginOutcome>(operation, begun);
            });
          });
        });
      },
      std::move(answer));
}

Connection::Handle Connection::End(Disposition disposition, Answer<Done> answer) {
  return Submit<Done>(
      [this, disposition](OperationOf<Done>& operation) {
        if (state_ == State::kClosed) return Settle<Done>(operation, NotConnected("SCardEndTransaction"));
        if (!in_transaction()) {
          return Settle<Done>(operation,
                              Error{status::kNotTransacted, "SCardEndTransaction", parameters_.reader, ""});
        }
        Call(backend::End{disposition}, [this, disposition, &operation](const backend::Outcome& outcome) {
          if (!outcome) {
            // The service may still treat this handle as the holder: only closing it is sure to free the
            // card.
            RetireClient(Disposition::kReset);
            return Settle<Done>(operation, outcome.error());
          }
          if (disposition == Disposition::kLeave) {
            state_ = State::kOpen;
          } else {
            state_ = State::kStale;
            parts_.users->NoteReset(parameters_.reader);
          }
          Settle<Done>(operation, Done{});
        });
      },
      std::move(answer));
}

Connection::Handle Connection::GetStatus(Answer<CardStatus> answer) {
  return Submit<CardStatus>(
      [this](OperationOf<CardStatus>& operation) {
        WithHandle(operation, "SCardStatus", Repair::kHandleAndOwner, [this, &operation] {
          CallFor(operation, backend::Status{}, [this, &operation](backend::Reply& reply) {
            known_atr_ = reply.status.atr;
            Settle<CardStatus>(operation, std::move(reply.status));
          });
        });
      },
      std::move(answer));
}

// On pcsc-lite a reset by another process (for example after its death in a transaction) has two steps:
// every handle is notified, and after the reset the card's protocol is open again. A handle reconnected
// between the two steps sees the second one here: the command is refused, and sent again after the handle
// is connected anew. SCARD_W_RESET_CARD if the card had executed a command for this caller before the
// reset, whose effect may be lost.
void Connection::SendApdu(const backend::Transmit& call, Then then) {
  const auto finish = [this, then = std::move(then)](backend::Outcome outcome) {
    if (outcome) reached_card_ = true;
    then(std::move(outcome));
  };
  if (state_ == State::kHeld) state_ = State::kUsed;
  Call(call, [this, call, finish](backend::Outcome outcome) {
    const bool negotiated = protocol_ != 0 && (call.protocol == 0 || call.protocol == protocol_);
    const bool mismatch = !outcome && outcome.error().code == status::kProtoMismatch && negotiated;
    if (!mismatch) return finish(std::move(outcome));
    if (reached_card_) return finish(Error{status::kResetCard, "SCardTransmit", parameters_.reader, ""});
    RepairHandle(Repair::kHandleAndOwner, [this, call, finish](const backend::Outcome& repaired) {
      if (!repaired) return finish(repaired.error());
      Call(call, finish);
    });
  });
}

Connection::Handle Connection::Transmit(std::shared_ptr<const SecretBytes> apdu, Answer<Bytes> answer,
                                        Protocols protocol) {
  return Submit<Bytes>(
      [this, call = backend::Transmit{std::move(apdu), protocol}](OperationOf<Bytes>& operation) {
        WithHandle(operation, "SCardTransmit", Repair::kHandleAndOwner, [this, call, &operation] {
          SendApdu(call, [this, &operation](backend::Outcome outcome) {
            if (!outcome) return Settle<Bytes>(operation, outcome.error());
            Settle<Bytes>(operation, std::move(outcome->bytes));
          });
        });
      },
      std::move(answer));
}

Connection::Handle Connection::Exchange(pcsc_bridge::Exchange exchange, Answer<Bytes> answer) {
  const auto shared = std::make_shared<pcsc_bridge::Exchange>(std::move(exchange));
  return Submit<Bytes>(
      [this, shared](OperationOf<Bytes>& operation) {
        WithHandle(operation, "SCardTransmit", Repair::kHandleAndOwner, [this, shared, &operation] {
          const Result<Done> adapted = shared->AdaptTo(protocol_);
          if (!adapted) return Settle<Bytes>(operation, InReader(adapted.error()));
          SendNext(operation, shared);
        });
      },
      std::move(answer));
}

void Connection::SendNext(OperationOf<Bytes>& operation,
                          const std::shared_ptr<pcsc_bridge::Exchange>& exchange) {
  SendApdu(backend::Transmit{exchange->next()}, [this, &operation, exchange](backend::Outcome outcome) {
    if (!outcome) return Settle<Bytes>(operation, outcome.error());
    std::optional<Result<Bytes>> whole = exchange->Take(std::move(outcome->bytes));
    if (!whole) return SendNext(operation, exchange);
    if (!*whole) return Settle<Bytes>(operation, InReader(whole->error()));
    Settle<Bytes>(operation, std::move(*whole));
  });
}

Connection::Handle Connection::Control(std::uint32_t code, std::shared_ptr<const SecretBytes> input,
                                       Answer<Bytes> answer) {
  return Submit<Bytes>(
      [this, code, input = std::move(input)](OperationOf<Bytes>& operation) {
        WithHandle(operation, "SCardControl", Repair::kHandleAndOwner, [this, code, input, &operation] {
          if (state_ == State::kHeld) state_ = State::kUsed;
          CallFor(operation, backend::Control{code, input}, [this, &operation](backend::Reply& reply) {
            reached_card_ = true;
            Settle<Bytes>(operation, std::move(reply.bytes));
          });
        });
      },
      std::move(answer));
}

Connection::Handle Connection::GetAttribute(std::uint32_t id, Answer<Bytes> answer) {
  return Submit<Bytes>(
      [this, id](OperationOf<Bytes>& operation) {
        WithHandle(operation, "SCardGetAttrib", Repair::kHandleAndOwner, [this, id, &operation] {
          CallFor(operation, backend::GetAttribute{id}, [this, &operation](backend::Reply& reply) {
            Settle<Bytes>(operation, std::move(reply.bytes));
          });
        });
      },
      std::move(answer));
}

Connection::Handle Connection::SetAttribute(std::uint32_t id, Bytes value, Answer<Done> answer) {
  return Submit<Done>(
      [this, id, value = std::move(value)](OperationOf<Done>& operation) {
        WithHandle(operation, "SCardSetAttrib", Repair::kHandleAndOwner, [this, id, value, &operation] {
          CallFor(operation, backend::SetAttribute{id, value},
                  [this, &operation](const backend::Reply&) { Settle<Done>(operation, Done{}); });
        });
      },
      std::move(answer));
}

Connection::Handle Connection::Claim(std::shared_ptr<const ConnectParameters> parameters, Protocols wanted,
                                     std::function<bool()> must_reset, Answer<Claimed> answer) {
  return Submit<Claimed>(
      [this, parameters = std::move(parameters), wanted,
       must_reset = std::move(must_reset)](OperationOf<Claimed>& operation) {
        const auto begin = [this, wanted, must_reset, &operation](OnReset on_reset) {
          BeginOnHandle(on_reset, [this, wanted, must_reset, &operation](const Result<BeginOutcome>& begun) {
            if (!begun) return Settle<Claimed>(operation, begun.error());
            // From here on, so that a later reconnect in this transaction negotiates no other one.
            parameters_.protocols = wanted;
            const bool other_protocol = protocol_ != 0 && (protocol_ & wanted) == 0;
            FinishClaim(operation, begun.value(), must_reset() || other_protocol);
          });
        };
        if (state_ != State::kClosed) {
          parameters_.protocols = parameters->protocols;
          return WithHandle(operation, "SCardBeginTransaction", Repair::kHandle,
                            [begin] { begin(OnReset::kFail); });
        }
        // One turn for both: a card that is connected stands in line no second time.
        WithTurn(parameters->reader, [this, parameters, begin, &operation] {
          if (parameters->about_to_connect) parameters->about_to_connect();
          OpenHandle(parameters, [this, begin, &operation](const backend::Outcome& connected) {
            if (!connected) return Settle<Claimed>(operation, connected.error());
            begin(OnReset::kReconnect);
          });
        });
      },
      std::move(answer));
}

void Connection::FinishClaim(OperationOf<Claimed>& operation, const BeginOutcome& begun, bool reset_first) {
  if (!reset_first && begun.handle_works && !begun.card_was_reset && known_atr_) {
    return Settle<Claimed>(operation, Claimed{begun, *known_atr_, protocol_});
  }
  const auto ask = [this, begun, works = reset_first || begun.handle_works, &operation] {
    Call(backend::Status{works}, [this, begun, &operation](backend::Outcome outcome) {
      if (!outcome) return EndAndFail<Claimed>(operation, outcome.error());
      known_atr_ = outcome->status.atr;
      Settle<Claimed>(operation, Claimed{begun, std::move(outcome->status.atr), protocol_});
    });
  };
  if (!reset_first) return ask();
  ReconnectHandle(Disposition::kReset, [this, ask, &operation](const backend::Outcome& reset) {
    if (!reset) return EndAndFail<Claimed>(operation, reset.error());
    ask();
  });
}

}  // namespace pcsc_bridge
