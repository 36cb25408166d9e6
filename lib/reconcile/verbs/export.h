// A certificate handed over in another form.
#pragma once

#include "base/secret.h"
#include "pki/pkcs12.h"
#include "reconcile/verb.h"

#include <optional>
#include <string>

namespace everseal::reconcile {

enum class ExportForm { pem, der, key, p12 };

struct ExportRequest {
  Name name;
  ExportForm form = ExportForm::pem;  // pem: leaf and chain; der: the leaf
  std::optional<int> version;         // absent: the live one
  pki::Pkcs12Form p12 = pki::Pkcs12Form::modern;
  const base::Secret* password = nullptr;  // of p12
  std::string destination;                 // where the caller puts it, for the history
};

struct Exported {
  int version = 0;
  base::Secret bytes;
};

// Needs the store alone. A private key that leaves is in the history before it does. Error(not_found) where there is no
// such certificate, version or key.
Exported export_certificate(const Host& host, const ExportRequest& request);

extern const Verb export_verb;
// What the verb's fields ask for, without a password and a destination. Error(usage).
ExportRequest export_request(const base::Options& fields);

}  // namespace everseal::reconcile
