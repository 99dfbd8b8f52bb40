// Written by Scripts/docs from Sources/MoonstoreInterface/Interface: change the description, not this file.
// swift-format-ignore-file

import MoonstoreInterface

/// A function of the script interface, by which the host registers what implements it.
enum ScriptFunction: UInt8, CaseIterable {
  case defineStore
  case useStore
  case ref
  case computed
  case watch
  case secure
  case createSecureStore
  case storeId
  case storeState
  case storeCopy
  case storeReset
  case storeDispose
  case storePatch
  case storeSubscribe
  case callAfter
  case callOnError
  case storeOnAction
  case array
  case arrayIs
  case map
  case mapIs
  case busSend
  case busRequest
  case busSubscribe
  case busUnsubscribe
  case busAnswer
  case busRespond
  case busUse
  case busRecentMessages
  case busUnhandledMessages
  case busMessageCount
  case busStatistics
  case busCleanup
  case registryHas
  case registryIds
  case registryCount
  case registryGet
  case registryAll
  case registryDescribe
  case registryRecord
  case registryDependents
  case registryRegister
  case registryUnregister
  case registryResolveDependencies
  case registryValidateDependencies
  case registryCheckPermission
  case registryOn
  case registryOff
  case registryEmit
  case registryRecentEvents
  case registryDroppedEvents
  case transaction
  case commit
  case sleep
  case taskWait
  case taskCancel
  case spawn
  case apiTake
  case apiCondition
  case apiDelay
  case apiFork
  case apiJoin
  case apiPause
  case apiCancel
  case apiCancelled
  case apiCancelActive
  case apiUnsubscribe
  case apiSubscribe
  case effectsOn
  case effectsTake
  case effectsCondition
  case effectsClear
  case namespacedDefineStore
  case namespacedUseStore
  case namespacedHas
  case namespacedIds
  case namespacedNamespace
  case namespace
  case compositionDispose
  case composeStores
  case createStoreWithDeps
  case useComposedStore
  case applyMiddleware
  case useStoreComposition
  case provide
  case inject
  case factoriesBase
  case factoriesEntity
  case factoryCreate
  case factoryConfigure
  case factoryDestroy
  case factoryGet
  case factoryAll
  case timeNow
  case timeIso
  case randomId
  case randomNumber
  case randomInteger
  case jsonEncode
  case jsonDecode
  case logDebug
  case logInfo
  case logWarn
  case logError
  case print
  case progress
  case require
  case filesRead
  case filesLines
  case responseJson
  case httpRequest
  case httpGet
  case httpHead
  case httpPost
  case httpPut
  case httpPatch
  case httpDelete

  /// As scripts write it.
  var name: String {
    switch self {
    case .defineStore: "defineStore"
    case .useStore: "useStore"
    case .ref: "ref"
    case .computed: "computed"
    case .watch: "watch"
    case .secure: "secure"
    case .createSecureStore: "createSecureStore"
    case .storeId: "store.id"
    case .storeState: "store.state"
    case .storeCopy: "store.copy"
    case .storeReset: "store.reset"
    case .storeDispose: "store.dispose"
    case .storePatch: "store.patch"
    case .storeSubscribe: "store.subscribe"
    case .callAfter: "call.after"
    case .callOnError: "call.onError"
    case .storeOnAction: "store.onAction"
    case .array: "array"
    case .arrayIs: "array.is"
    case .map: "map"
    case .mapIs: "map.is"
    case .busSend: "bus.send"
    case .busRequest: "bus.request"
    case .busSubscribe: "bus.subscribe"
    case .busUnsubscribe: "bus.unsubscribe"
    case .busAnswer: "bus.answer"
    case .busRespond: "bus.respond"
    case .busUse: "bus.use"
    case .busRecentMessages: "bus.recentMessages"
    case .busUnhandledMessages: "bus.unhandledMessages"
    case .busMessageCount: "bus.messageCount"
    case .busStatistics: "bus.statistics"
    case .busCleanup: "bus.cleanup"
    case .registryHas: "registry.has"
    case .registryIds: "registry.ids"
    case .registryCount: "registry.count"
    case .registryGet: "registry.get"
    case .registryAll: "registry.all"
    case .registryDescribe: "registry.describe"
    case .registryRecord: "registry.record"
    case .registryDependents: "registry.dependents"
    case .registryRegister: "registry.register"
    case .registryUnregister: "registry.unregister"
    case .registryResolveDependencies: "registry.resolveDependencies"
    case .registryValidateDependencies: "registry.validateDependencies"
    case .registryCheckPermission: "registry.checkPermission"
    case .registryOn: "registry.on"
    case .registryOff: "registry.off"
    case .registryEmit: "registry.emit"
    case .registryRecentEvents: "registry.recentEvents"
    case .registryDroppedEvents: "registry.droppedEvents"
    case .transaction: "transaction"
    case .commit: "commit"
    case .sleep: "sleep"
    case .taskWait: "task:wait"
    case .taskCancel: "task:cancel"
    case .spawn: "spawn"
    case .apiTake: "api.take"
    case .apiCondition: "api.condition"
    case .apiDelay: "api.delay"
    case .apiFork: "api.fork"
    case .apiJoin: "api.join"
    case .apiPause: "api.pause"
    case .apiCancel: "api.cancel"
    case .apiCancelled: "api.cancelled"
    case .apiCancelActive: "api.cancelActive"
    case .apiUnsubscribe: "api.unsubscribe"
    case .apiSubscribe: "api.subscribe"
    case .effectsOn: "effects.on"
    case .effectsTake: "effects.take"
    case .effectsCondition: "effects.condition"
    case .effectsClear: "effects.clear"
    case .namespacedDefineStore: "namespaced.defineStore"
    case .namespacedUseStore: "namespaced.useStore"
    case .namespacedHas: "namespaced.has"
    case .namespacedIds: "namespaced.ids"
    case .namespacedNamespace: "namespaced.namespace"
    case .namespace: "namespace"
    case .compositionDispose: "composition.dispose"
    case .composeStores: "composeStores"
    case .createStoreWithDeps: "createStoreWithDeps"
    case .useComposedStore: "useComposedStore"
    case .applyMiddleware: "applyMiddleware"
    case .useStoreComposition: "useStoreComposition"
    case .provide: "provide"
    case .inject: "inject"
    case .factoriesBase: "factories.base"
    case .factoriesEntity: "factories.entity"
    case .factoryCreate: "factory:create"
    case .factoryConfigure: "factory:configure"
    case .factoryDestroy: "factory:destroy"
    case .factoryGet: "factory:get"
    case .factoryAll: "factory:all"
    case .timeNow: "time.now"
    case .timeIso: "time.iso"
    case .randomId: "random.id"
    case .randomNumber: "random.number"
    case .randomInteger: "random.integer"
    case .jsonEncode: "json.encode"
    case .jsonDecode: "json.decode"
    case .logDebug: "log.debug"
    case .logInfo: "log.info"
    case .logWarn: "log.warn"
    case .logError: "log.error"
    case .print: "print"
    case .progress: "progress"
    case .require: "require"
    case .filesRead: "files.read"
    case .filesLines: "files.lines"
    case .responseJson: "response:json"
    case .httpRequest: "http.request"
    case .httpGet: "http.get"
    case .httpHead: "http.head"
    case .httpPost: "http.post"
    case .httpPut: "http.put"
    case .httpPatch: "http.patch"
    case .httpDelete: "http.delete"
    }
  }

  /// Whether it leaves a trace, which code that may only look is not allowed to.
  var acts: Bool {
    switch self {
    case .useStore: false
    case .storeId: false
    case .storeState: false
    case .storeCopy: false
    case .array: false
    case .arrayIs: false
    case .map: false
    case .mapIs: false
    case .busRecentMessages: false
    case .busUnhandledMessages: false
    case .busMessageCount: false
    case .busStatistics: false
    case .registryHas: false
    case .registryIds: false
    case .registryCount: false
    case .registryGet: false
    case .registryAll: false
    case .registryDescribe: false
    case .registryRecord: false
    case .registryDependents: false
    case .registryResolveDependencies: false
    case .registryValidateDependencies: false
    case .registryCheckPermission: false
    case .registryRecentEvents: false
    case .registryDroppedEvents: false
    case .apiCancelled: false
    case .namespacedUseStore: false
    case .namespacedHas: false
    case .namespacedIds: false
    case .namespacedNamespace: false
    case .namespace: false
    case .useStoreComposition: false
    case .inject: false
    case .factoriesBase: false
    case .factoriesEntity: false
    case .factoryGet: false
    case .factoryAll: false
    case .timeNow: false
    case .timeIso: false
    case .jsonEncode: false
    case .jsonDecode: false
    case .logDebug: false
    case .logInfo: false
    case .logWarn: false
    case .logError: false
    case .print: false
    case .require: false
    case .responseJson: false
    default: true
    }
  }

  /// The fields of its table of options; empty where it has none.
  var options: [ScriptOption] {
    switch self {
    case .watch:
        [
          ScriptOption("immediate", [.boolean]),
          ScriptOption("once", [.boolean]),
        ]
    case .storeSubscribe:
        [
          ScriptOption("path", [.string]),
          ScriptOption("once", [.boolean]),
          ScriptOption("immediate", [.boolean]),
        ]
    case .busSend:
        [
          ScriptOption("to", [.string]),
          ScriptOption("from", [.string]),
          ScriptOption("priority", [.literal("high"), .literal("normal"), .literal("low")]),
        ]
    case .busRequest:
        [
          ScriptOption("to", [.string]),
          ScriptOption("from", [.string]),
          ScriptOption("timeout", [.seconds]),
        ]
    case .registryRegister:
        [
          ScriptOption("id", [.string]),
          ScriptOption("name", [.string]),
          ScriptOption("metadata", [.table]),
          ScriptOption("dependencies", [.table]),
          ScriptOption("permissions", [.table]),
          ScriptOption("version", [.integer]),
        ]
    case .registryUnregister:
        [
          ScriptOption("cascade", [.boolean]),
          ScriptOption("force", [.boolean]),
        ]
    case .registryEmit:
        [
          ScriptOption("target", [.string]),
        ]
    case .effectsOn:
        [
          ScriptOption("latest", [.boolean]),
          ScriptOption("leading", [.boolean]),
          ScriptOption("once", [.boolean]),
          ScriptOption("original", [.boolean]),
          ScriptOption("delay", [.seconds]),
          ScriptOption("debounce", [.seconds]),
          ScriptOption("throttle", [.seconds]),
        ]
    case .useComposedStore:
        [
          ScriptOption("onChange", [.function]),
        ]
    case .jsonEncode:
        [
          ScriptOption("pretty", [.boolean]),
        ]
    case .httpRequest:
        [
          ScriptOption("query", [.table]),
          ScriptOption("headers", [.table]),
          ScriptOption("json", [.any]),
          ScriptOption("body", [.any]),
          ScriptOption("timeout", [.number]),
          ScriptOption("url", [.string]),
          ScriptOption("method", [.string]),
        ]
    case .httpGet:
        [
          ScriptOption("query", [.table]),
          ScriptOption("headers", [.table]),
          ScriptOption("json", [.any]),
          ScriptOption("body", [.any]),
          ScriptOption("timeout", [.number]),
        ]
    case .httpHead:
        [
          ScriptOption("query", [.table]),
          ScriptOption("headers", [.table]),
          ScriptOption("json", [.any]),
          ScriptOption("body", [.any]),
          ScriptOption("timeout", [.number]),
        ]
    case .httpPost:
        [
          ScriptOption("query", [.table]),
          ScriptOption("headers", [.table]),
          ScriptOption("json", [.any]),
          ScriptOption("body", [.any]),
          ScriptOption("timeout", [.number]),
        ]
    case .httpPut:
        [
          ScriptOption("query", [.table]),
          ScriptOption("headers", [.table]),
          ScriptOption("json", [.any]),
          ScriptOption("body", [.any]),
          ScriptOption("timeout", [.number]),
        ]
    case .httpPatch:
        [
          ScriptOption("query", [.table]),
          ScriptOption("headers", [.table]),
          ScriptOption("json", [.any]),
          ScriptOption("body", [.any]),
          ScriptOption("timeout", [.number]),
        ]
    case .httpDelete:
        [
          ScriptOption("query", [.table]),
          ScriptOption("headers", [.table]),
          ScriptOption("json", [.any]),
          ScriptOption("body", [.any]),
          ScriptOption("timeout", [.number]),
        ]
    default: []
    }
  }
}
