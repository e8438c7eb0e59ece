//! How a pure decision becomes a cqrs-es aggregate.

/// An aggregate with a stream of its own in the log: `<context>.<TYPE>.<id>`.
pub trait StreamAggregate:
    cqrs_es::Aggregate<Event: crate::EventSet, Services = crate::Context> + Clone + 'static
{
    /// Its bounded context, e.g. `food_graph`.
    const CONTEXT: &'static str;
    /// Which form its serialized state has: a state that was stored under another number is not read.
    ///
    /// It is raised whenever the same events lead to a state that is written otherwise; `schemas/states` holds what
    /// they lead to, and a test holds it against the code.
    const STATE_SHAPE: u32;
}

/// Makes a state with `decide(&self, Command, &Context) -> Result<Vec<Event>, Error>` and
/// `evolve(&mut self, Event)` a cqrs-es aggregate. Its state's shape is 1 where none is given.
#[macro_export]
macro_rules! aggregate {
    ($state:ty, $context:literal, $type:literal, $command:ty, $event:ty, $error:ty) => {
        $crate::aggregate!($state, $context, $type, $command, $event, $error, state_shape = 1);
    };
    ($state:ty, $context:literal, $type:literal, $command:ty, $event:ty, $error:ty, state_shape = $shape:literal) => {
        impl cqrs_es::Aggregate for $state {
            const TYPE: &'static str = $type;
            type Command = $command;
            type Event = $event;
            type Error = $error;
            type Services = $crate::Context;

            async fn handle(
                &mut self,
                command: Self::Command,
                context: &Self::Services,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in self.decide(command, context)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                self.evolve(event);
            }
        }

        impl $crate::StreamAggregate for $state {
            const CONTEXT: &'static str = $context;
            const STATE_SHAPE: u32 = $shape;
        }
    };
}
