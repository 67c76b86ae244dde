// What is said of the PC/SC library, its service and its readers.
#include "doctor/findings.h"

namespace pcsc_bridge::doctor {
namespace {

constexpr char kStartPcscd[] = "start pcscd: systemctl enable --now pcscd.socket, or run pcscd as root";

constexpr char kTooManyClients[] =
    "the service takes no more clients (pcsc-lite: 200 contexts in all): end some, or restart it";

std::string AdviceOnRefusal(const HostFacts& facts) {
  if (facts.daemon && !facts.daemon->asks_polkit) return kTooManyClients;
  return std::string(
             "either polkit refuses this user: allow org.debian.pcsc-lite.access_pcsc in a polkit "
             "rule, or use a session at the machine; or ") +
         kTooManyClients;
}

// What to do where the service does not serve.
std::string Advice(const Error& error, const HostFacts& facts) {
  // pcsc-lite's library makes one code or another of a connection that is closed, as it is caught by that.
  if (facts.daemon && facts.daemon->refuses) return AdviceOnRefusal(facts);
  switch (error.code) {
    case status::kNoService:
      if (facts.platform == Platform::kWindows) {
        return "Windows runs the service only while there are readers; plug one in, or start SCardSvr";
      }
      return kStartPcscd;
    case status::kServiceStopped:
      if (facts.daemon && facts.daemon->protocol.known()) {
        return "library and pcscd are of different versions, pcscd speaks protocol " +
               *facts.daemon->protocol + ": install both from the same place";
      }
      return "library and service are of different versions: install both from the same place";
    case status::kSecurityViolation:
      return AdviceOnRefusal(facts);
    case status::kNoMemory:
      return kTooManyClients;
    case status::kTimeout:
      return "the service does not answer; restart it";
    case status::kLibraryMissing:
      return error.detail;
    default:
      return Describe(error.code).text;
  }
}

void DescribeDaemon(const DaemonFacts& daemon, Findings& findings) {
  findings.Add("pcscd", daemon.package);
  findings.Add("pcscd-socket", daemon.socket);
  findings.Add("pcscd-protocol", daemon.protocol);
  if (!daemon.asks_polkit) {
    findings.Add("polkit", "not asked",
                 "pcscd has no policy installed: whoever may open its socket may use readers");
  } else {
    findings.Add("polkit", daemon.has_polkit ? "asked" : "not installed",
                 "pcscd asks it who may use readers (org.debian.pcsc-lite.access_pcsc, access_card)");
  }
}

void DescribeReaders(const HostFacts& facts, Findings& findings) {
  const Fact<std::vector<ReaderFacts>>& readers = facts.pcsc.readers;
  if (!readers.known()) {
    findings.AddUnknown("readers", readers.reason);
    return;
  }
  findings.Add("readers", std::to_string(readers->size()));
  std::size_t number = 0;
  for (const ReaderFacts& reader : *readers) {
    const std::string name = "reader-" + std::to_string(++number);
    findings.Add(
        name, reader.name,
        std::string(reader.card_present ? "a card is in it" : "no card") + (reader.in_use ? ", in use" : ""));
    findings.Add(name + "-driver", reader.driver);
  }
}

}  // namespace

void DescribePcsc(const HostFacts& facts, Findings& findings) {
  const PcscFacts& pcsc = facts.pcsc;
  findings.Add("pcsc-library", pcsc.library);
  if (pcsc.library.known()) {
    findings.Add("pcsc-library-file", pcsc.library_file);
    findings.Add("pcsc-library-version", pcsc.library_version);
  }
  if (!pcsc.service_error) {
    findings.Add("pcsc-service", "serves");
  } else {
    const bool waits_for_reader =
        facts.platform == Platform::kWindows && pcsc.service_error->code == status::kNoService;
    Finding& service = findings.Add("pcsc-service", Describe(pcsc.service_error->code).name,
                                    Advice(*pcsc.service_error, facts));
    service.attention = !waits_for_reader;
  }
  if (facts.daemon) DescribeDaemon(*facts.daemon, findings);
  DescribeReaders(facts, findings);
  if (facts.windows) {
    const Fact<std::vector<std::string>>& drivers = facts.windows->reader_drivers;
    if (!drivers.known()) {
      findings.AddUnknown("reader-drivers", drivers.reason);
      return;
    }
    std::string text;
    for (const std::string& driver : *drivers) text += (text.empty() ? "" : "; ") + driver;
    findings.Add("reader-drivers", text.empty() ? "none installed" : text);
  }
}

}  // namespace pcsc_bridge::doctor
