#include "cache/item_cache.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace pcsc_bridge {
namespace {

CardId Card(std::uint8_t number) {
  CardId id{};
  id[15] = number;
  return id;
}

ItemKey Key(const std::string& name, std::uint8_t card = 1) {
  return {Card(card), name};
}

Bytes Data(std::size_t size, std::uint8_t value = 7) {
  return Bytes(size, value);
}

Status StatusOfRead(ItemCache& cache, const ItemKey& key, std::uint32_t freshness = 0) {
  return cache.Read(key, freshness).code();
}

TEST_CASE("an item that was written is read") {
  ItemCache cache;
  REQUIRE(cache.Write(Key("cert"), 3, Data(5, 9)));
  const Result<Bytes> read = cache.Read(Key("cert"), 3);
  REQUIRE(read);
  CHECK(read.value() == Data(5, 9));
}

TEST_CASE("an item may be empty") {
  ItemCache cache;
  REQUIRE(cache.Write(Key("empty"), 0, {}));
  const Result<Bytes> read = cache.Read(Key("empty"), 0);
  REQUIRE(read);
  CHECK(read.value().empty());
}

TEST_CASE("an item belongs to one card and one name") {
  ItemCache cache;
  REQUIRE(cache.Write(Key("cert", 1), 0, Data(1)));
  CHECK(StatusOfRead(cache, Key("cert", 2)) == status::kCacheItemNotFound);
  CHECK(StatusOfRead(cache, Key("Cert", 1)) == status::kCacheItemNotFound);
  CHECK(cache.Read(Key("Cert"), 0).error().operation == "SCardReadCache");
}

TEST_CASE("an item older than the requested freshness is stale, and is then deleted") {
  ItemCache cache;
  REQUIRE(cache.Write(Key("cert"), 4, Data(1)));
  CHECK(StatusOfRead(cache, Key("cert"), 5) == status::kCacheItemStale);
  CHECK(StatusOfRead(cache, Key("cert"), 5) == status::kCacheItemNotFound);
  CHECK(StatusOfRead(cache, Key("cert"), 4) == status::kCacheItemNotFound);
}

TEST_CASE("an item newer than the requested freshness is not returned, but stays") {
  ItemCache cache;
  REQUIRE(cache.Write(Key("cert"), 5, Data(1)));
  CHECK(StatusOfRead(cache, Key("cert"), 4) == status::kCacheItemNotFound);
  CHECK(StatusOfRead(cache, Key("cert"), 5) == status::kSuccess);
}

TEST_CASE("freshness is compared in all 32 bits") {
  ItemCache cache;
  REQUIRE(cache.Write(Key("cert"), 0x7fffffff, Data(1)));
  CHECK(StatusOfRead(cache, Key("cert"), 0xffffffff) == status::kCacheItemStale);
}

TEST_CASE("writing again replaces data and freshness, whichever is higher") {
  ItemCache cache;
  REQUIRE(cache.Write(Key("cert"), 9, Data(10)));
  REQUIRE(cache.Write(Key("cert"), 2, Data(3, 1)));
  const Result<Bytes> read = cache.Read(Key("cert"), 2);
  REQUIRE(read);
  CHECK(read.value() == Data(3, 1));
}

TEST_CASE("an item that is too big is rejected, and the one before stays") {
  ItemCache cache({10, 1000, 100});
  REQUIRE(cache.Write(Key("cert"), 1, Data(10)));
  const Result<Done> refused = cache.Write(Key("cert"), 2, Data(11));
  CHECK(refused.code() == status::kCacheItemTooBig);
  CHECK(refused.error().operation == "SCardWriteCache");
  CHECK(StatusOfRead(cache, Key("cert"), 1) == status::kSuccess);
}

TEST_CASE("an item with its name must fit into the whole cache") {
  ItemCache cache({1000, 10, 100});
  CHECK(cache.Write(Key("12345"), 0, Data(6)).code() == status::kCacheItemTooBig);
  CHECK(cache.Write(Key("12345"), 0, Data(5)));
}

TEST_CASE("when the bytes are used up, the least recently used item is deleted") {
  ItemCache cache({100, 33, 100});
  REQUIRE(cache.Write(Key("a"), 0, Data(10)));
  REQUIRE(cache.Write(Key("b"), 0, Data(10)));
  REQUIRE(cache.Write(Key("c"), 0, Data(10)));
  REQUIRE(StatusOfRead(cache, Key("a")) == status::kSuccess);  // now b is the oldest
  REQUIRE(cache.Write(Key("d"), 0, Data(10)));
  CHECK(StatusOfRead(cache, Key("b")) == status::kCacheItemNotFound);
  CHECK(StatusOfRead(cache, Key("a")) == status::kSuccess);
  CHECK(StatusOfRead(cache, Key("c")) == status::kSuccess);
  CHECK(StatusOfRead(cache, Key("d")) == status::kSuccess);
}

TEST_CASE("one large item replaces several") {
  ItemCache cache({100, 33, 100});
  for (const char* name : {"a", "b", "c"}) REQUIRE(cache.Write(Key(name), 0, Data(10)));
  REQUIRE(cache.Write(Key("d"), 0, Data(20)));
  CHECK(StatusOfRead(cache, Key("a")) == status::kCacheItemNotFound);
  CHECK(StatusOfRead(cache, Key("b")) == status::kCacheItemNotFound);
  CHECK(StatusOfRead(cache, Key("c")) == status::kSuccess);
}

TEST_CASE("when there are too many items, the least recently used one is deleted") {
  ItemCache cache({100, 1000, 2});
  for (const char* name : {"a", "b", "c"}) REQUIRE(cache.Write(Key(name), 0, {}));
  CHECK(StatusOfRead(cache, Key("a")) == status::kCacheItemNotFound);
  CHECK(StatusOfRead(cache, Key("b")) == status::kSuccess);
}

TEST_CASE("a deleted or replaced item no longer counts") {
  ItemCache cache({100, 22, 100});
  for (int round = 0; round < 50; ++round) {
    REQUIRE(cache.Write(Key("a"), 0, Data(10)));
    REQUIRE(cache.Write(Key("b"), 0, Data(10)));
    REQUIRE(StatusOfRead(cache, Key("b"), 1) == status::kCacheItemStale);
  }
  REQUIRE(cache.Write(Key("b"), 0, Data(10)));
  CHECK(StatusOfRead(cache, Key("a")) == status::kSuccess);
  CHECK(StatusOfRead(cache, Key("b")) == status::kSuccess);
}

TEST_CASE("many threads read and write at once, and no item is a mixture") {
  ItemCache cache({100, 2000, 20});
  std::atomic<int> mixed{0};
  std::vector<std::thread> threads;
  for (std::uint8_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 2000; ++round) {
        const ItemKey key = Key("item" + std::to_string(round % 30));
        if (round % 3 == 0) {
          (void)cache.Write(key, 0, Data(20 + thread, thread));
        } else if (const Result<Bytes> read = cache.Read(key, 0)) {
          const std::uint8_t writer = read.value()[0];
          if (read.value() != Data(20u + writer, writer)) ++mixed;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(mixed == 0);
}

}  // namespace
}  // namespace pcsc_bridge
