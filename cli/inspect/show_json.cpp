#include "base/text.h"
#include "inspect/show.h"
#include "report/json.h"

namespace everseal::cli {
namespace {

using report::JsonWriter;

void write_names(JsonWriter& json, const std::vector<pki::GeneralName>& names) {
  json.key("names").begin_array();
  for (const pki::GeneralName& name : names)
    json.begin_object().key("kind").text(to_string(name.kind)).key("value").text(name.value).end_object();
  json.end_array();
}

void write_csr(JsonWriter& json, const pki::Csr& request) {
  json.key("subject").text(request.subject.text());
  write_names(json, request.names);
  json.key("key")
      .text(request.public_key.text)
      .key("extensions")
      .texts(request.extensions)
      .key("asks_for_ca")
      .boolean(request.asks_for_ca);
}

void write_crl(JsonWriter& json, const pki::Crl& list) {
  json.key("issuer")
      .text(list.issuer)
      .key("this_update")
      .time(list.this_update)
      .key("next_update")
      .value(list.next_update);
  json.key("number");
  // A JSON number holds 53 bits safely; a CRL number may have 64.
  list.number ? json.text(std::to_string(*list.number)) : json.null();
  json.key("revoked").begin_array();
  for (const pki::RevokedEntry& entry : list.entries) {
    json.begin_object()
        .key("serial")
        .text(entry.serial)
        .key("revoked_at")
        .time(entry.when)
        .key("reason")
        .text(to_string(entry.reason))
        .end_object();
  }
  json.end_array();
}

void write_item(JsonWriter& json, const Item& item) {
  struct Visitor {
    JsonWriter& json;
    void operator()(const pki::Certificate& found) const {
      json.key("type").text("certificate");
      write_certificate(json, found);
    }
    void operator()(const pki::Csr& found) const {
      json.key("type").text("certificate_request");
      write_csr(json, found);
    }
    void operator()(const pki::Crl& found) const {
      json.key("type").text("crl");
      write_crl(json, found);
    }
    void operator()(const FoundKey& found) const {
      json.key("type")
          .text("private_key")
          .key("key")
          .text(found.text)
          .key("encrypted")
          .boolean(found.text == "encrypted");
    }
    void operator()(const Undecoded& found) const {
      json.key("type").text("other").key("label").text(found.label).key("problem");
      found.problem.empty() ? json.null() : json.text(found.problem);
    }
  };
  json.begin_object();
  std::visit(Visitor{json}, item);
  json.end_object();
}

}  // namespace

void write_certificate(JsonWriter& json, const pki::Certificate& c) {
  json.key("subject").text(c.subject()).key("issuer").text(c.issuer()).key("serial").text(c.serial());
  write_names(json, c.names());
  json.key("not_before").time(c.not_before()).key("not_after").time(c.not_after());
  json.key("key").text(c.public_key().text).key("signature_algorithm").text(c.signature_algorithm());
  json.key("key_usage").texts(c.key_usage()).key("extended_key_usage").texts(c.extended_key_usage());
  json.key("is_ca").boolean(c.is_ca()).key("path_length").value(c.path_length());
  json.key("self_issued").boolean(c.is_self_issued());
  json.key("subject_key_id")
      .text(base::hex(c.subject_key_id()))
      .key("authority_key_id")
      .text(base::hex(c.authority_key_id()));
  json.key("crl_urls")
      .texts(c.crl_urls())
      .key("ocsp_urls")
      .texts(c.ocsp_urls())
      .key("issuer_urls")
      .texts(c.issuer_urls());
  json.key("fingerprint").text(c.fingerprint().text()).key("spki_pin").text(base::hex(c.spki_pin()));
}

void write_finding(JsonWriter& json, const audit::Finding& finding) {
  json.key("rule").text(finding.rule->id).key("severity").text(audit::to_string(finding.severity));
  json.key("what").text(finding.what).key("certificate");
  json.text_or_null(finding.certificate ? finding.certificate->text() : std::string());
  json.key("remedy").text(finding.rule->remedy);
}

std::string inspection_json(const Contents& contents, std::span<const Trouble> troubles) {
  JsonWriter json(4);
  json.begin_object().key("source").text(contents.source).key("form").text(contents.form);
  json.key("items").begin_array();
  for (const Item& item : contents.items) write_item(json, item);
  json.end_array().key("troubles").begin_array();
  for (const Trouble& trouble : troubles) {
    json.begin_object().key("severity").text(to_string(trouble.severity)).key("rule").text(trouble.rule).key("item");
    trouble.item ? json.number(static_cast<std::int64_t>(*trouble.item)) : json.null();
    json.key("text").text(trouble.text).end_object();
  }
  json.end_array().end_object();
  return json.written();
}

}  // namespace everseal::cli
