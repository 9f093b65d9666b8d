//! A plan made ready to run: node types looked up, literals turned into values, what never changes hashed.

use crate::Error;
use crate::cache::Ref;
use crate::host::Host;
use crate::key::{Key, KeyBuilder};
use petgraph::Direction;
use petgraph::graph::NodeIndex;
use selfsame_graphs::{AssetNames, Link, Node, Plan, PlanInput, PlanLink, PlanValue, Spanned, Value};
use selfsame_sdk::{Literal, NodeType, Widget};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A plan made ready to run on a host, any number of times. [`Host::prepare`] makes it.
pub struct Prepared {
    pub(super) nodes: Vec<PreparedNode>,
    /// Indices of nodes that run for their effect or because they were asked for.
    pub(super) targets: Vec<usize>,
    pub(super) outputs: Vec<(String, Option<Source>)>,
    pub(super) lanes: usize,
    pub(super) about: About,
    plan: Plan,
    /// The plugins that its node types are of, as a graph names them.
    plugins: Vec<(Spanned<String>, Spanned<String>)>,
}

/// What the plan of a run was made from.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What the graph is called: two runs of one graph are compared by this when they are explained.
    pub name: String,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// The arguments with the values they had, for what is written into saved pictures.
    pub arguments: Vec<(String, Literal)>,
}

pub(super) struct PreparedNode {
    pub id: Arc<str>,
    pub type_name: Arc<str>,
    pub node_type: Arc<dyn NodeType>,
    /// For each port, where its value comes from.
    pub inputs: Vec<Option<Source>>,
    /// The nodes whose outputs it takes, each once, by port: those that certainly count, then those of lazy inputs.
    pub sources: Vec<usize>,
    pub lazy_sources: Vec<(usize, usize)>,
    /// How many nodes take its outputs.
    pub users: usize,
    /// Type, version, device, literals of single values, and which lazy inputs are linked.
    pub base_key: KeyBuilder,
    /// The inputs whose values belong to the key of each call, in their order: what is linked, and lists, since each
    /// call may take an element of them. Lazy inputs join once they are asked for.
    pub keyed: Vec<usize>,
    /// Nodes of one lane run one at a time.
    pub lane: Option<usize>,
    /// The same among all runs of the host.
    pub alone: Option<Arc<Mutex<()>>>,
    /// Its results may be used again.
    pub reusable: bool,
}

/// Where the value of an input comes from.
pub(super) enum Source {
    Literal(Ref),
    Output { node: usize, output: usize },
    List(Vec<Source>),
}

impl Source {
    /// The nodes in it.
    pub fn nodes(&self, found: &mut Vec<usize>) {
        match self {
            Source::Literal(_) => {}
            Source::Output { node, .. } => {
                if !found.contains(node) {
                    found.push(*node);
                }
            }
            Source::List(items) => items.iter().for_each(|item| item.nodes(found)),
        }
    }
}

impl Host {
    /// Makes a plan ready to run.
    ///
    /// # Errors
    /// If the plan has a node type that this host does not know.
    pub fn prepare(&self, plan: Plan, about: About) -> Result<Prepared, Error> {
        let mut lanes = HashMap::new();
        let nodes = plan.graph().node_indices().map(|index| self.prepare_node(&plan, index, &mut lanes));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let targets = plan.targets().iter().map(|index| index.index()).collect();
        let outputs =
            plan.outputs().iter().map(|output| (output.name.clone(), output.value.as_ref().map(source))).collect();
        let plugins = self.plugins_of(&nodes);
        Ok(Prepared { nodes, targets, outputs, lanes: lanes.len(), about, plan, plugins })
    }

    fn plugins_of(&self, nodes: &[PreparedNode]) -> Vec<(Spanned<String>, Spanned<String>)> {
        let plugin = |node: &PreparedNode| {
            let (plugin, _) = self.nodes().plugin_of(&node.node_type.descriptor().id)?;
            Some((plugin.id.clone(), plugin.plain_version()?.to_owned()))
        };
        let plugins: BTreeMap<String, String> = nodes.iter().filter_map(plugin).collect();
        plugins.into_iter().map(|(id, version)| (Spanned::from(id), Spanned::from(version))).collect()
    }

    fn prepare_node(
        &self,
        plan: &Plan,
        index: NodeIndex,
        lanes: &mut HashMap<String, usize>,
    ) -> Result<PreparedNode, Error> {
        let planned = plan.node(index);
        let node_type = self.nodes().get(&planned.type_id).ok_or_else(|| Error::NoSuchNode(planned.type_id.clone()))?;
        let descriptor = node_type.descriptor();
        let mut base_key = KeyBuilder::new("call");
        base_key.text(&descriptor.id).number(descriptor.version.into()).text(node_type.fingerprint());
        if descriptor.caps.cuda {
            base_key.text(self.device_name());
        }
        let mut inputs: Vec<Option<Source>> = descriptor.inputs.iter().map(|_| None).collect();
        for PlanInput { port, value, .. } in &planned.inputs {
            let source = source(value);
            if let Source::Literal(literal @ (Ref::Scalar(_) | Ref::Object(_) | Ref::Missing)) = &source {
                base_key.number(*port as u64);
                literal.add_to(&mut base_key);
            }
            if let Some(slot) = inputs.get_mut(*port) {
                *slot = Some(source);
            }
        }
        let (mut sources, mut lazy_sources, mut keyed) = (Vec::new(), Vec::new(), Vec::new());
        for (i, (port, input)) in descriptor.inputs.iter().zip(&inputs).enumerate() {
            let Some(input) = input else { continue };
            let is_literal = matches!(input, Source::Literal(_));
            if port.lazy && !is_literal {
                base_key.text("lazy").number(i as u64);
            } else if matches!(input, Source::Literal(Ref::List(_))) || !is_literal {
                keyed.push(i);
            }
            if port.lazy {
                let mut found = Vec::new();
                input.nodes(&mut found);
                lazy_sources.extend(found.into_iter().map(|node| (i, node)));
            } else {
                input.nodes(&mut sources);
            }
        }
        let users: std::collections::HashSet<_> = plan.graph().neighbors_directed(index, Direction::Outgoing).collect();
        // One lane for the device, one for each type of which only one node may run at a time.
        let shared_lane = match descriptor.caps {
            caps if caps.cuda => Some(self.device_name()),
            caps if caps.serial => Some(&*descriptor.id),
            _ => None,
        };
        // What a node saves for the elements of a list is saved in their order.
        let own_lane = descriptor.output_node.then(|| format!("effects of {}", planned.id));
        let lane = shared_lane.or(own_lane.as_deref());
        let next = lanes.len();
        Ok(PreparedNode {
            id: planned.id.as_str().into(),
            type_name: planned.type_name.as_str().into(),
            inputs,
            sources,
            lazy_sources,
            users: users.len(),
            base_key,
            keyed,
            alone: shared_lane.map(|name| self.alone(name)),
            lane: lane.map(|name| *lanes.entry(name.to_owned()).or_insert(next)),
            reusable: descriptor.deterministic && !descriptor.output_node,
            node_type: node_type.clone(),
        })
    }
}

fn source(value: &PlanValue) -> Source {
    match value {
        PlanValue::Literal(literal) => {
            // The values in a literal are scalars or lists of them, which need no key of their own.
            let nowhere = Key([0; 32]);
            Source::Literal(Ref::of(&selfsame_sdk::Value::from(literal), &nowhere))
        }
        PlanValue::Output(link) => Source::Output { node: link.node.index(), output: link.output },
        PlanValue::List(items) => Source::List(items.iter().map(source).collect()),
    }
}

impl Prepared {
    /// What this was prepared from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where a node stands: `portrait.ron:12:9`.
    pub(super) fn at(&self, node: usize) -> String {
        let at = self.plan.node(NodeIndex::new(node)).at();
        format!("{}:{}:{}", at.file, at.line, at.column)
    }

    /// The plan as the text of a graph file that needs no argument and gives the same again: what nodes gave that may
    /// give something else another time is written out. `given` are their outputs, by node and output.
    pub(super) fn graph_text(&self, given: &HashMap<(usize, usize), Literal>) -> String {
        let lists = RefCell::new(BTreeMap::new());
        let known = |link: PlanLink, node: NodeIndex, port: usize| {
            let literal = given.get(&(link.node.index(), link.output))?;
            let port = self.nodes.get(node.index())?.node_type.descriptor().inputs.get(port)?;
            Some(match literal {
                // A list that an input of single values goes through must be linked.
                Literal::List(_) if literal.for_type(&port.value_type()).is_err() => {
                    let id = format!("given {} {}", self.nodes.get(link.node.index())?.id, link.output);
                    lists.borrow_mut().insert(id.replace('.', " "), literal.clone());
                    Value::Link(Link::new(id.replace('.', " "), "list"))
                }
                // On wires a seed is the i64 of the same bits.
                Literal::Int(i) if port.widget == Widget::Seed => {
                    Value::from(Literal::Int(i128::from(*i as i64 as u64)))
                }
                other => Value::from(other.clone()),
            })
        };
        let mut graph = self.plan.to_graph_with(AssetNames::Resolved, &known);
        graph.plugins = self.plugins.clone();
        let lists = lists.into_inner().into_iter();
        graph.nodes.extend(lists.map(|(id, list)| Node::new(id, "MakeList").set("values", Value::from(list))));
        graph.to_ron()
    }
}
