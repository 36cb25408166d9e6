// Taking over the work of another ACME client: its accounts, its certificates and how their names were proved.
#pragma once

#include "importer/importer.h"
#include "importer/references.h"
#include "importer/schedules.h"
#include "reconcile/verb.h"

#include <optional>
#include <string>
#include <string_view>
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

// How names of a certificate are proved from now on.
struct ImportedProof {
  enum class Before { same, other, unknown };  // how the other client did it
  Name certificate;
  Name issuer;
  Name challenge;    // empty: by the issuer's own way
  std::string type;  // "http-01"; "": nothing here can prove them
  Before before = Before::unknown;
  std::vector<std::string> identifiers;

  bool is_of_one_with(const ImportedProof& other) const {
    return certificate == other.certificate && challenge == other.challenge && type == other.type &&
           before == other.before;
  }
};
std::string_view to_string(ImportedProof::Before before) noexcept;

// What would bring a certificate to a server that reads the other client's files. It stands as comments below the
// certificate in the config, and nothing is deployed before the operator takes it.
struct ImportedProposal {
  Name certificate;
  Name target;
  std::string type;                    // of the deployment: "exec", "files"
  std::vector<std::string> command;    // that makes the server read its files again; empty: not known
  std::vector<std::string> verify;     // "127.0.0.1:443"
  std::vector<importer::Trace> lines;  // of the server's config
  std::string toml;                    // [certificate.NAME.deploy.TARGET]
};

// Outcome::step of what is here, and of what would be.
inline constexpr std::string_view kTaken = "import";
inline constexpr std::string_view kLookedAt = "look";

struct ImportReport {
  Verdict verdict;  // one outcome an account and a certificate
  std::vector<ImportedProof> proofs;
  std::vector<importer::Remark> remarks;
  std::vector<importer::Trace> schedules;       // of the other client, in force
  std::vector<importer::Reference> references;  // of servers, to its files
  std::vector<ImportedProposal> proposals;

  // `step` is kTaken or kLookedAt.
  void add(std::string_view step, std::string subject, std::string issuer, Result result, std::string text,
           Facts facts = {});
  void leave(std::string subject, std::string text, std::string advice = {});
};

// Nothing of the other client is changed, nothing is ordered, and none of its commands is run. Doing it again, after a
// crash too, goes on where it was and takes nothing twice. Error(denied) where the client's schedules are in force and
// that is not wanted; Error(config) where `directory` is not of that client or `issuer` fits nothing of it; Error(io)
// where the config cannot be written, and then nothing is added to it.
ImportReport import_client(const Host& host, const ImportRequest& request);

extern const Verb import_verb;
// What the verb's fields ask for. Error(usage).
ImportRequest import_request(const base::Options& fields);
// The object that schema/output/import.schema.json describes.
std::string to_json(const ImportReport& report);

}  // namespace everseal::reconcile
