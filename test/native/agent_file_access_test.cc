#include "agent/file_access.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace pcsc_bridge::agent;

const std::string kAlice = "S-1-5-21-1-2-3-1001";

TEST_CASE("a directory below C:\\, which users may change, is rejected") {
  // As Windows Server 2008 makes it.
  CHECK(WhoElseHas(kChangeRights,
                   "O:BAG:DUD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;CIID;LC;;;BU)"
                   "(A;CIIOID;DC;;;BU)(A;OICIIOID;GA;;;CO)") == "Users");
  // As Windows 10 makes it.
  CHECK(WhoElseHas(kChangeRights, "O:BAG:DUD:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1301bf;;;AU)") ==
        "Authenticated Users");
}

TEST_CASE("a directory below Program Files is accepted") {
  CHECK(WhoElseHas(kChangeRights,
                   "O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464G:BAD:PAI"
                   "(A;;FA;;;S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464)"
                   "(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)"
                   "(A;OICIIO;GA;;;CO)(A;;0x1200a9;;;AC)") == "");
}

TEST_CASE("each right to change a directory counts, in any notation") {
  for (const char* rights : {"FA", "GA", "FW", "GW", "DC", "LC", "DT", "SD", "WD", "WO", "CCDC", "0x2",
                             "0x10000000", "0x40000000", "0x40000", "ZZ"}) {
    CAPTURE(rights);
    CHECK(WhoElseHas(kChangeRights, std::string("O:SYG:SYD:(A;OICI;") + rights + ";;;WD)") == "Everyone");
    CHECK(WhoElseHas(kChangeRights, std::string("O:SYG:SYD:(A;OICIIO;") + rights + ";;;BG)") == "Guests");
    CHECK(WhoElseHas(kChangeRights, std::string("O:SYG:SYD:(D;OICI;") + rights + ";;;WD)") == "");
  }
  for (const char* rights : {"FR", "FX", "GR", "GX", "CC", "RC", "0x1200a9", "0x80000000"}) {
    CAPTURE(rights);
    CHECK(WhoElseHas(kChangeRights, std::string("O:SYG:SYD:(A;OICI;") + rights + ";;;WD)") == "");
  }
}

TEST_CASE("an owner may change its own files, and a file without an access list is open to everyone") {
  CHECK(WhoElseHas(kChangeRights, "O:" + kAlice + "G:BAD:(A;;FA;;;SY)") == kAlice);
  CHECK(WhoElseHas(kChangeRights, "O:" + kAlice + "G:BAD:(A;;FA;;;SY)", kAlice) == "");
  CHECK(WhoElseHas(kChangeRights, "O:BAG:BA") == "Everyone");
  CHECK(WhoElseHas(kChangeRights, "O:BAG:BAD:NO_ACCESS_CONTROL") == "Everyone");
}

TEST_CASE("a key file may be readable by its user, the system and administrators") {
  const std::string own = "O:BAG:DUD:P(A;;FR;;;" + kAlice + ")(A;;FA;;;SY)(A;;FA;;;BA)";
  CHECK(WhoElseHas(kReadRights, own, kAlice) == "");
  CHECK(WhoElseHas(kReadRights, own, "S-1-5-21-1-2-3-1002") == kAlice);
  CHECK(WhoElseHas(kReadRights, own + "(A;;0x1200a9;;;BU)", kAlice) == "Users");
  CHECK(WhoElseHas(kReadRights, own + "(A;;RC;;;BU)", kAlice) == "");
}

}  // namespace
