// The lists of names that a PC/SC library returns.
#include "backend/library/library.h"
#include "target.h"

namespace pcsc_bridge::fuzz {

void MultiString(Input input) {
  const std::string text = input.Rest();
  // A buffer of its own, so that a read beyond its end is detected.
  const std::vector<abi::Char> buffer(text.begin(), text.end());
  const std::vector<std::string> names = SplitMultiString(buffer.data(), buffer.size());
  std::size_t size = 0;
  for (const std::string& name : names) {
    Require(!name.empty(), "an empty name ends the list");
    size += name.size() + 1;
  }
  Require(size <= text.size(), "names are parts of the text");
  const platform::NativeString joined = JoinMultiString(names);
  Require(SplitMultiString(joined.data(), joined.size()) == names, "names come back as they were joined");
}

}  // namespace pcsc_bridge::fuzz
