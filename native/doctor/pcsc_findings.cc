// Findings about the PC/SC library, its service and its readers.
#include "doctor/findings.h"

namespace pcsc_bridge::doctor {
namespace {

constexpr char kStartPcscd[] = "start pcscd: systemctl enable --now pcscd.socket, or run pcscd as root";

constexpr char kRestartPcscd[] = "restart it: systemctl restart pcscd";

// What to do if pcscd cannot be talked to at its socket.
std::string AdviceOnDaemon(const Error& error) {
  switch (error.code) {
    case status::kNoService:
      return kStartPcscd;
    case status::kTimeout:
      return error.detail + "; " + kRestartPcscd;
    default:
      return error.detail;
  }
}

std::string AdviceOnNoService(const HostFacts& facts) {
  if (facts.platform == Platform::kWindows) {
    return "Windows runs the service only while there are readers; plug one in, or start SCardSvr";
  }
  if (!facts.daemon) return "the service starts with the first reader; plug one in";
  return "the PC/SC library does not reach pcscd, which answers at its socket: look which library is loaded "
         "(pcsc-library-file), and whether the socket is the one it uses (pcscd-socket)";
}

std::string AdviceOnTimeout(const HostFacts& facts) {
  const std::string late = " did not report its readers in time: a driver may be stuck; ";
  return facts.daemon ? "pcscd" + late + kRestartPcscd : "the service" + late + "restart it";
}

// What to do if the service does not serve.
std::string Advice(const Error& error, const HostFacts& facts) {
  if (error.code == status::kLibraryMissing) return error.detail;
  // pcsc-lite's library returns varying codes for a closed connection, depending on the time of the close:
  // what pcscd itself did is better evidence.
  if (facts.daemon && facts.daemon->error) return AdviceOnDaemon(*facts.daemon->error);
  switch (error.code) {
    case status::kNoService:
      return AdviceOnNoService(facts);
    case status::kServiceStopped:
      if (facts.daemon && facts.daemon->protocol.known()) {
        return "library and pcscd are of different versions, pcscd speaks protocol " +
               *facts.daemon->protocol + ": install both from the same place";
      }
      return "library and service are of different versions: install both from the same place";
    case status::kSecurityViolation:
      if (facts.daemon && facts.daemon->asks_polkit) {
        return "polkit may refuse this user: allow org.debian.pcsc-lite.access_pcsc in a polkit rule, or use "
               "a session at the machine";
      }
      return "the service refuses this user";
    case status::kNoMemory:
      return "the service has no room for another client (pcsc-lite: 200 contexts per host): close programs "
             "that use smart cards";
    case status::kTimeout:
      return AdviceOnTimeout(facts);
    default:
      return Describe(error.code).text;
  }
}

std::string Counted(std::size_t count, const char* one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

void DescribeClients(const Fact<DaemonClients>& clients, Findings& findings) {
  constexpr char kName[] = "pcscd-clients";
  if (!clients.known()) return (void)findings.AddUnknown(kName, clients.reason);
  std::string list;
  std::size_t connections = clients->unseen;
  for (const DaemonClient& client : clients->processes) {
    if (!list.empty()) list += "; ";
    list += client.program + " (process " + std::to_string(client.process) + " of " + client.user + ", " +
            Counted(client.connections, "connection") + ")";
    connections += client.connections;
  }
  if (clients->unseen > 0) {
    if (!list.empty()) list += "; ";
    list += Counted(clients->unseen, "connection") +
            " of processes that this user may not look at: run the doctor as root to see them";
  }
  findings.Add(kName, Counted(connections, "connection"), list);
}

void DescribeDaemon(const DaemonFacts& daemon, Findings& findings) {
  findings.Add("pcscd", daemon.package);
  findings.Add("pcscd-socket", daemon.socket);
  findings.Add("pcscd-protocol", daemon.protocol);
  DescribeClients(daemon.clients, findings);
  if (!daemon.asks_polkit) {
    findings.Add("polkit", "not asked",
                 "pcscd has no policy installed: every user who may open its socket may use readers");
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
  if (pcsc.backend.known()) {
    findings.Add("pcsc-backend", pcsc.backend->name, pcsc.backend->reason);
  } else {
    findings.AddUnknown("pcsc-backend", pcsc.backend.reason);
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
