// Taking over the work of another ACME client: its accounts, its certificates and how their names were proved.
#pragma once

#include "importer/importer.h"
#include "importer/schedules.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::reconcile {

// What of the other client may go on by itself.
enum class Coexistence { refused, wanted };
enum class ImportMode { look, take };

struct ImportRequest {
  const importer::Kind* kind = nullptr;
  std::string directory;       // of the other client
  std::optional<Name> issuer;  // for what comes from its CA; without it one with that CA's directory, or a new one
  std::string ca_file;         // trust anchors for an issuer that is made; absolute, or ""
  Coexistence coexistence = Coexistence::refused;
  ImportMode mode = ImportMode::take;
  std::string root = "/";  // of the host whose timers, cron lines and server configs are looked at
};

struct ImportReport {
  Verdict verdict;  // one outcome an account and a certificate
  std::vector<importer::Remark> remarks;
  std::vector<importer::Trace> schedules;   // of the other client, in force
  std::vector<importer::Trace> references;  // of servers, to its files

  void add(std::string subject, std::string target, Result result, std::string text);
  void leave(std::string subject, std::string text, std::string advice = {});
};

// Nothing of the other client is changed, nothing is ordered, and none of its commands is run. Doing it again, after a
// crash too, goes on where it was and takes nothing twice. Error(denied) where the client's schedules are in force and
// that is not wanted; Error(config) where `directory` is not of that client or `issuer` fits nothing of it; Error(io)
// where the config cannot be written, and then nothing is added to it.
ImportReport import_client(const Host& host, const ImportRequest& request);

}  // namespace everseal::reconcile
