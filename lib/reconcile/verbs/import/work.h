// What the parts of an import work on.
#pragma once

#include "inventory/store.h"
#include "reconcile/session.h"
#include "reconcile/verbs/import.h"
#include "reconcile/verbs/import/draft.h"

#include <functional>
#include <string>

namespace everseal::reconcile {

// All of it outlives the parts.
struct ImportWork {
  const Host& host;
  const ImportRequest& request;
  importer::Found& found;
  inventory::Store& store;
  ImportDraft& draft;
  Session* session;  // nullptr: the import only looks; a session makes directories
  ImportReport& report;
};

// Error(cancelled) where the host asks to stop.
void require_going_on(const Host& host);
// Runs `work`; its error becomes a failed outcome of `subject`, and the rest goes on. Error(cancelled) passes.
void import_alone(ImportReport& report, const std::string& subject, const std::function<void()>& work);

}  // namespace everseal::reconcile
