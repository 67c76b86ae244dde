#include "cache/filter_store.h"
#include "doctor/set_filter.h"

namespace pcsc_bridge::doctor {

Result<FilterWritten> WriteFilter(bool on) {
  return Error{status::kUnsupportedFeature, "WriteFilter", "",
               std::string("this system has no registry: the setting is the environment variable ") +
                   kFilterName + "; start the programs that use this library with " + kFilterName + "=" +
                   (on ? "1" : "0")};
}

}  // namespace pcsc_bridge::doctor
