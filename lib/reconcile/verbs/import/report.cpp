// The report of an import for programs.
#include "base/text.h"
#include "reconcile/verbs/import.h"

#include <nlohmann/json.hpp>

namespace everseal::reconcile {
namespace {

nlohmann::ordered_json json_of(const std::vector<importer::Reference>& references) {
  auto list = nlohmann::ordered_json::array();
  for (const importer::Reference& reference : references)
    list.push_back({{"file", base::printable(reference.trace.file)},
                    {"line", reference.trace.line},
                    {"text", reference.trace.text},
                    {"listeners", reference.listeners}});
  return list;
}

nlohmann::ordered_json json_of(const std::vector<importer::Trace>& traces) {
  auto list = nlohmann::ordered_json::array();
  for (const importer::Trace& trace : traces)
    list.push_back({{"file", base::printable(trace.file)}, {"line", trace.line}, {"text", trace.text}});
  return list;
}

}  // namespace

std::string to_json(const ImportReport& report) {
  auto document = nlohmann::ordered_json::parse(to_json(report.verdict));
  auto& remarks = document["remarks"] = nlohmann::ordered_json::array();
  for (const importer::Remark& remark : report.remarks)
    remarks.push_back({{"rule", remark.kind == importer::Remark::Kind::left ? "left" : "unreadable"},
                       {"subject", remark.subject},
                       {"text", remark.text},
                       {"hint", remark.advice}});
  auto& proofs = document["proofs"] = nlohmann::ordered_json::array();
  for (const ImportedProof& proof : report.proofs)
    proofs.push_back({{"certificate", proof.certificate.text()},
                      {"identifiers", proof.identifiers},
                      {"type", proof.type},
                      {"challenge", proof.challenge.text()},
                      {"issuer", proof.issuer.text()},
                      {"before", to_string(proof.before)}});
  document["schedules"] = json_of(report.schedules);
  document["references"] = json_of(report.references);
  auto& proposals = document["proposals"] = nlohmann::ordered_json::array();
  for (const ImportedProposal& proposal : report.proposals)
    proposals.push_back({{"certificate", proposal.certificate.text()},
                         {"target", proposal.target.text()},
                         {"type", proposal.type},
                         {"command", proposal.command},
                         {"verify", proposal.verify},
                         {"lines", json_of(proposal.lines)},
                         {"toml", proposal.toml}});
  return document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace everseal::reconcile
